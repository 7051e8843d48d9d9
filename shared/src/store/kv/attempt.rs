//! Tries at a write, until its outcome is known or time is up.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::domain::{Code, Error, Result};
use crate::store::error::Failure;

/// How long a write is tried, repetitions included.
const PATIENCE: Duration = Duration::from_secs(5);
/// The first pause between tries; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(320);

/// What the tries at one write have come to.
pub struct Attempt {
    deadline: Instant,
    pause: Duration,
    /// Whether an earlier try may have taken effect, or may yet do so.
    pub uncertain: bool,
}

impl Attempt {
    pub fn new() -> Self {
        Self { deadline: Instant::now() + PATIENCE, pause: FIRST_PAUSE, uncertain: false }
    }

    /// Takes a failed try into account.
    ///
    /// # Errors
    /// No try can succeed.
    pub fn note(&mut self, failure: Failure) -> Result<()> {
        match failure {
            Failure::Fault(_) => Err(failure.into()),
            Failure::Ambiguous(source) => {
                self.uncertain = true;
                tracing::debug!(error = %source, "a write's answer was lost");
                Ok(())
            }
            Failure::Busy(_) | Failure::Condition(_) => Ok(()),
        }
    }

    /// A failure to look what became of an earlier try leaves its outcome open.
    pub fn explain(&self, error: Error) -> Error {
        match error {
            Error::Unavailable { source, .. } if self.uncertain => {
                Error::Unavailable { code: Code::OutcomeUnknown, source }
            }
            other => other,
        }
    }

    /// Waits until the next try.
    ///
    /// # Errors
    /// [`Code::OutcomeUnknown`] or [`Code::Unavailable`]: time is up.
    pub async fn pause(&mut self) -> Result<()> {
        if Instant::now() + self.pause > self.deadline {
            return Err(self.explain(Error::Unavailable { code: Code::Unavailable, source: None }));
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}

pub fn unknown() -> Error {
    Error::Unavailable { code: Code::OutcomeUnknown, source: None }
}
