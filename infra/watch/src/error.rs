//! The errors of the stack. Each message is one line that tells a person what to do.

use std::io;

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data folder, the engine or the template.
    #[error(transparent)]
    Local(#[from] terrapi_local::Error),
    /// `Cargo.toml` has no table of the emulator's routes.
    #[error("Cargo.toml has no table [workspace.metadata.lambda.watch.router]")]
    Manifest,
    /// A setting is invalid.
    #[error("{name} is {value:?}, but it must be {expected}")]
    Setting {
        name: &'static str,
        value: String,
        /// What is valid, as the rest of a sentence.
        expected: &'static str,
    },
    /// The port is in use.
    #[error("port {port} cannot be listened on ({source}); set PORT to another one")]
    Port { port: u16, source: io::Error },
    /// A required program is missing.
    #[error("{program} is not installed: {remedy}")]
    MissingTool {
        program: &'static str,
        /// How to install it.
        remedy: &'static str,
    },
    /// The functions do not compile.
    #[error("the functions did not compile (see above)")]
    Build,
    /// The emulator or a function in it failed.
    #[error("the emulator: {0}")]
    Emulator(String),
    /// Another process listens on the emulator's port.
    #[error("the emulator: every port that was tried was taken by somebody else")]
    PortLost,
    /// Any other error of the operating system.
    #[error(transparent)]
    Io(#[from] io::Error),
}
