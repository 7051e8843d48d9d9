//! The errors of the program. Each message is one line that tells a person what to do.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data folder or the embedded engine.
    #[error(transparent)]
    Local(#[from] terrapi_local::Error),
    /// The address is in use, or not of this machine.
    #[error("{address} cannot be listened on ({source}); choose another address with --listen")]
    Listen { address: SocketAddr, source: io::Error },
    /// A certificate or its key cannot be used.
    #[error("the certificate {} and its key cannot be used: {source}", certificate.display())]
    Certificate { certificate: PathBuf, source: io::Error },
    /// A setting is invalid. The service does not start with a setting that its operator did not mean.
    #[error("{0}")]
    Setting(String),
    /// A part of the service could not be started.
    #[error("{0}")]
    Start(String),
    /// Any other error of the operating system.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<terrapi::domain::Error> for Error {
    /// With the whole chain of causes, because the first text is meant for clients of the API.
    fn from(error: terrapi::domain::Error) -> Self {
        let causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
        let texts: Vec<_> = std::iter::once(error.to_string()).chain(causes.map(ToString::to_string)).collect();
        let text = texts.join(": ");
        let text = text.strip_prefix("internal: ").unwrap_or(&text).to_owned();
        Self::Start(text)
    }
}
