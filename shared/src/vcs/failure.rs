//! How a call to a provider fails.

use std::time::Duration;

use crate::domain::{Code, Error};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Shorthand for this module's results.
pub type Result<T> = std::result::Result<T, Failure>;

/// Why there is no result. Never carries an answer's text: it may hold tokens.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The credential that the call was made with is not, or no longer, accepted.
    #[error("the provider rejects the credential")]
    Rejected,
    /// The credential is good, but not for this.
    #[error("the provider forbids this")]
    Forbidden,
    /// The provider knows no such thing, or shows it to nobody like this.
    #[error("the provider knows no such thing")]
    NotFound,
    /// The provider wants to be left alone for this long: longer than a call waits.
    #[error("the provider is over its rate for {} s", .0.as_secs())]
    Busy(Duration),
    /// No answer, none in time, none below the rate limit, or one that makes no sense. Repeating may help.
    #[error("the provider is away")]
    Unavailable(#[source] Source),
}

impl Failure {
    pub(super) fn away(source: impl Into<Source>) -> Self {
        Self::Unavailable(source.into())
    }
}

impl From<Failure> for Error {
    /// As a person hears it whose own credential it was.
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
