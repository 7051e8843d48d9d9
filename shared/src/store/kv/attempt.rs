//! Retries of one write, until its outcome is known or the time is up.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::domain::{Code, Error, Result};
use crate::store::error::Failure;

/// How long a write is retried.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// The first backoff. Each further one is twice as long, up to [`MAX_BACKOFF`].
const FIRST_BACKOFF: Duration = Duration::from_millis(10);
const MAX_BACKOFF: Duration = Duration::from_millis(320);

/// The state of the retries of one write.
pub struct Attempt {
    deadline: Instant,
    backoff: Duration,
    /// Whether an earlier attempt may have taken effect, or may still do so.
    pub uncertain: bool,
}

impl Attempt {
    pub fn new() -> Self {
        Self { deadline: Instant::now() + WRITE_TIMEOUT, backoff: FIRST_BACKOFF, uncertain: false }
    }

    /// Records a failed attempt.
    ///
    /// # Errors
    /// The failure itself, if no further attempt can succeed.
    pub fn record_failure(&mut self, failure: Failure) -> Result<()> {
        match failure {
            Failure::Fault(_) => Err(failure.into()),
            Failure::Ambiguous(source) => {
                self.uncertain = true;
                tracing::debug!(error = %source, "the answer to a write was lost");
                Ok(())
            }
            Failure::Busy(_) | Failure::Condition(_) => Ok(()),
        }
    }

    /// If reading the outcome of an earlier attempt fails, the outcome is unknown.
    pub fn explain(&self, error: Error) -> Error {
        match error {
            Error::Unavailable { source, .. } if self.uncertain => {
                Error::Unavailable { code: Code::OutcomeUnknown, source }
            }
            other => other,
        }
    }

    /// Waits before the next attempt.
    ///
    /// # Errors
    /// [`Code::OutcomeUnknown`] or [`Code::Unavailable`] if the time is up.
    pub async fn back_off(&mut self) -> Result<()> {
        if Instant::now() + self.backoff > self.deadline {
            return Err(self.explain(Error::Unavailable { code: Code::Unavailable, source: None }));
        }
        sleep(self.backoff).await;
        self.backoff = (self.backoff * 2).min(MAX_BACKOFF);
        Ok(())
    }
}

pub fn outcome_unknown() -> Error {
    Error::Unavailable { code: Code::OutcomeUnknown, source: None }
}
