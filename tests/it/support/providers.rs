//! Clients of the provider test doubles, built as a function builds them at startup.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use terrapi::auth::SealingKeys;
use terrapi::domain::SecretText;
use terrapi::vcs::{AnswerLimits, ProviderConfig, Providers};

use super::github::Github;
use super::gitlab::Gitlab;
use super::stand_in::locked;

/// Records the waits that provider clients asked for, instead of sleeping.
#[derive(Clone, Default)]
pub struct Pauses(Arc<Mutex<Vec<Duration>>>);

impl Pauses {
    pub fn take(&self) -> Vec<Duration> {
        std::mem::take(&mut *locked(&self.0))
    }
}

/// Timeouts long enough for a machine that compiles while the tests run.
pub const PATIENT: AnswerLimits =
    AnswerLimits { attempt: Duration::from_secs(20), call: Duration::from_secs(40), pause: Duration::from_secs(3) };

/// The key that encrypts provider tokens.
pub const SEALING_KEY: &str = "test-sealing-key-of-every-service-0123456789-abcdefghijkl";

pub fn providers(github: &Github, gitlab: &Gitlab, limits: AnswerLimits, pauses: &Pauses) -> Providers {
    let mut variables = github.variables();
    variables.extend(gitlab.variables());
    let pauses = pauses.clone();
    let pause = Arc::new(move |wait| {
        locked(&pauses.0).push(wait);
        Box::pin(std::future::ready(())) as _
    });
    let key = SecretText::new(SEALING_KEY.into());
    let sealing = Ok(Arc::new(SealingKeys::new(&key, None).unwrap()));
    Providers::new(ProviderConfig::read(&variables), sealing, limits, pause).unwrap()
}
