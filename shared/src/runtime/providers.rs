//! The settings and credentials for GitHub and GitLab, from the environment and from a secret.
//!
//! A mistake in them does not stop a function. A provider with an invalid configuration is disabled and logged. While
//! the secret cannot be read, only routes that need a provider are unavailable.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::config::Config;
use super::secrets::read_secret;
use crate::auth::SealingKeys;
use crate::domain::{Result, SecretText};
use crate::vcs::{AnswerLimits, Misconfigured, Pause, ProviderConfig, Providers, Sealing, real_pause};

/// The interval between two attempts to read the secret.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// Creates the clients for GitHub and GitLab, as far as they are configured. Settings that are not in the environment
/// come from the secret.
///
/// Shape of the secret: a JSON object whose members have the names of the variables and contain strings or integers.
///
/// If the secret cannot be read, the providers are unavailable, and reading it is retried every few seconds in the
/// background.
///
/// # Errors
/// Internal if TLS cannot be set up.
pub async fn load_providers(config: &Config) -> Result<Providers> {
    load_providers_with(config, real_pause()).await
}

/// As [`load_providers`], with an injected wait between two attempts.
///
/// # Errors
/// As [`load_providers`].
pub async fn load_providers_with(config: &Config, pause: Pause) -> Result<Providers> {
    let providers = Providers::pending();
    let secret = match config.provider_secret.as_deref() {
        None => return load(&providers, config, Members::default()).map(|()| providers),
        Some(secret) => read_secret(config, secret).await,
    };
    match secret {
        Ok(text) => load(&providers, config, members(&text))?,
        Err(error) => {
            unreadable(&error);
            tokio::spawn(retry_loading(providers.clone(), config.clone(), pause));
        }
    }
    Ok(providers)
}

async fn retry_loading(providers: Providers, config: Config, pause: Pause) {
    let Some(secret) = config.provider_secret.as_deref() else { return };
    loop {
        pause(RETRY_INTERVAL).await;
        match read_secret(&config, secret).await.and_then(|text| load(&providers, &config, members(&text))) {
            Ok(()) => return,
            Err(error) => unreadable(&error),
        }
    }
}

fn unreadable(error: &crate::domain::Error) {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(%error, cause, "the providers' secret cannot be read; GitHub and GitLab are unavailable");
}

fn load(providers: &Providers, config: &Config, secret: Members) -> Result<()> {
    let Members { mut values, problem } = secret;
    values.extend(config.provider_variables.clone());
    let mut read = ProviderConfig::read(&values);
    if let Some(problem) = problem {
        read.disable_absent(problem);
    }
    providers.load(read, sealing_keys(&values), AnswerLimits::default(), real_pause())
}

/// `TOKEN_SEALING_KEY` seals and opens; `RETIRED_TOKEN_SEALING_KEY` only opens.
fn sealing_keys(values: &BTreeMap<String, SecretText>) -> Sealing {
    let find = |name: &str| values.get(name).filter(|value| !value.reveal().is_empty());
    let problem = |member, problem| Misconfigured { member, problem };
    let seed = find("TOKEN_SEALING_KEY").ok_or(problem("TOKEN_SEALING_KEY", "is not set"))?;
    let alone = SealingKeys::new(seed, None).map_err(|_| problem("TOKEN_SEALING_KEY", "is too short"))?;
    let Some(retired) = find("RETIRED_TOKEN_SEALING_KEY") else { return Ok(Arc::new(alone)) };
    let both = SealingKeys::new(seed, Some(retired));
    both.map(Arc::new).map_err(|_| problem("RETIRED_TOKEN_SEALING_KEY", "is too short"))
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Member {
    Text(SecretText),
    Number(u64),
    Other(IgnoredAny),
}

/// What could be read of the secret.
#[derive(Default)]
struct Members {
    values: BTreeMap<String, SecretText>,
    /// Why something in it cannot be used.
    problem: Option<Misconfigured>,
}

/// The members that are strings or integers. Others are logged by name. A provider that is then absent is disabled: the
/// secret was meant to configure it.
fn members(text: &SecretText) -> Members {
    let problem = |problem| Some(Misconfigured { member: "the secret of the providers", problem });
    // The parser's error would quote the secret.
    let Ok(members) = serde_json::from_str::<BTreeMap<String, Member>>(text.reveal()) else {
        return Members { problem: problem("is not a JSON object"), ..Members::default() };
    };
    let mut read = Members::default();
    for (name, member) in members {
        let value = match member {
            Member::Text(text) => text,
            Member::Number(number) => SecretText::new(number.to_string()),
            Member::Other(_) => {
                tracing::error!(name, "a member of the providers' secret is neither a string nor an integer");
                read.problem = problem("has a member that is neither a string nor an integer");
                continue;
            }
        };
        read.values.insert(name, value);
    }
    read
}
