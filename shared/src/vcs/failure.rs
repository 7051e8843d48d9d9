//! The ways in which a call to a provider fails.

use std::time::Duration;

use crate::domain::{Code, Error};

type Source = Box<dyn std::error::Error + Send + Sync>;

pub type Result<T> = std::result::Result<T, Failure>;

/// Never contains the text of an answer, which may include tokens.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The provider does not accept the credential.
    #[error("the provider rejects the credential")]
    Rejected,
    /// The credential is valid but has no permission for this.
    #[error("the provider forbids this")]
    Forbidden,
    /// The resource does not exist, or the credential may not see it.
    #[error("the provider does not know this resource")]
    NotFound,
    /// The provider asks for a pause of this length, which is longer than a call waits.
    #[error("the provider's rate limit is exceeded for {} s", .0.as_secs())]
    Busy(Duration),
    /// No answer, no answer in time, a rate limit, or an answer that cannot be understood. A retry may succeed.
    #[error("the provider is unavailable")]
    Unavailable(#[source] Source),
}

impl Failure {
    pub(super) fn unavailable(source: impl Into<Source>) -> Self {
        Self::Unavailable(source.into())
    }
}

impl From<Failure> for Error {
    /// The error of a request that was made with the caller's own credential.
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Rejected => Self::forbidden(Code::ProviderRejected),
            Failure::Forbidden => Self::forbidden(Code::ProviderForbidden),
            Failure::NotFound => Self::NotFound,
            Failure::Busy(_) => Self::unavailable(failure),
            Failure::Unavailable(source) => Self::unavailable(source),
        }
    }
}
