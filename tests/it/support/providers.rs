//! Clients of the stand-ins, as a function makes them at its start.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use terrapi::auth::SealingKeys;
use terrapi::domain::SecretText;
use terrapi::vcs::{AnswerLimits, ProviderConfig, Providers};

use super::github::Github;
use super::gitlab::Gitlab;
use super::stand_in::locked;

/// The pauses that providers asked for. Nobody waited for them.
#[derive(Clone, Default)]
pub struct Pauses(Arc<Mutex<Vec<Duration>>>);

impl Pauses {
    pub fn take(&self) -> Vec<Duration> {
        std::mem::take(&mut *locked(&self.0))
    }
}

/// Longer than the machine needs while it compiles beside the tests.
pub const PATIENT: AnswerLimits =
    AnswerLimits { attempt: Duration::from_secs(20), call: Duration::from_secs(40), pause: Duration::from_secs(3) };

/// Seals what sign-ins give.
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
