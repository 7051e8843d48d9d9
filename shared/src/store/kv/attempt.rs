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
            Failure::Fault(_) => Err(self.explain(failure.into())),
            Failure::Ambiguous(source) => {
                self.uncertain = true;
                tracing::debug!(error = %source, "the answer to a write was lost");
                Ok(())
            }
            Failure::Busy(_) | Failure::Condition(_) => Ok(()),
        }
    }

    /// A failure of this write. If an earlier attempt may have taken effect, the outcome is unknown.
    pub fn explain(&self, error: Error) -> Error {
        if self.uncertain { error.after_write() } else { error }
    }

    /// Starts the time anew: something else was in the way of the write and has been removed.
    pub fn restart(&mut self) {
        *self = Self { uncertain: self.uncertain, ..Self::new() };
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

#[cfg(test)]
mod tests {
    use super::*;

    fn code_after(failures: Vec<Failure>) -> Code {
        let mut attempt = Attempt::new();
        let results = failures.into_iter().map(|failure| attempt.record_failure(failure)).collect::<Vec<_>>();
        results.into_iter().find_map(Result::err).unwrap().code()
    }

    #[test]
    fn fault_after_a_lost_answer_leaves_the_outcome_unknown() {
        let denied = || Failure::Fault("access denied".into());
        assert_eq!(code_after(vec![denied()]), Code::Internal);
        assert_eq!(code_after(vec![Failure::Busy("throttled".into()), denied()]), Code::Internal);
        assert_eq!(code_after(vec![Failure::Ambiguous("no answer".into()), denied()]), Code::OutcomeUnknown);
    }

    #[tokio::test]
    async fn restarted_attempt_has_time_again_and_stays_uncertain() {
        let mut attempt = Attempt { deadline: Instant::now(), backoff: FIRST_BACKOFF, uncertain: true };
        assert_eq!(attempt.back_off().await.unwrap_err().code(), Code::OutcomeUnknown);
        attempt.restart();
        attempt.back_off().await.unwrap();
        assert!(attempt.uncertain);
    }
}
