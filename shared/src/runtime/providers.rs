//! What the service shows GitHub and GitLab, fetched once, before the first request.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::config::Config;
use super::secrets::read_secret;
use crate::auth::SealingKeys;
use crate::domain::{Error, Result, SecretText};
use crate::vcs::{Limits, ProviderConfig, Providers, real_pause};

/// GitHub and GitLab, as far as they are configured: what the environment does not say is looked up in the secret.
///
/// Shape of the secret: one JSON object whose members are named like the variables and hold text.
pub async fn load_providers(config: &Config) -> Result<Providers> {
    let mut values = match config.provider_secret.as_deref() {
        Some(place) => members(&read_secret(config, place).await?)?,
        None => BTreeMap::new(),
    };
    values.extend(config.provider_variables.clone());
    let mut providers = Providers::new(ProviderConfig::read(&values)?, Limits::default(), real_pause())?;
    if providers.github.is_some() || providers.gitlab.is_some() {
        providers.sealing = Some(Arc::new(sealing_keys(&values)?));
    }
    Ok(providers)
}

/// `TOKEN_SEALING_KEY` seals; what stands in `RETIRED_TOKEN_SEALING_KEY` only opens.
fn sealing_keys(values: &BTreeMap<String, SecretText>) -> Result<SealingKeys> {
    let find = |name: &str| values.get(name).filter(|value| !value.reveal().is_empty());
    let missing = || Error::internal("reading the providers' settings", "TOKEN_SEALING_KEY is not set");
    SealingKeys::new(find("TOKEN_SEALING_KEY").ok_or_else(missing)?, find("RETIRED_TOKEN_SEALING_KEY"))
}

fn members(text: &SecretText) -> Result<BTreeMap<String, SecretText>> {
    // The reader's own words would quote the text.
    serde_json::from_str(text.reveal()).map_err(|_| Error::corrupt("the providers' secret is not an object of texts"))
}
