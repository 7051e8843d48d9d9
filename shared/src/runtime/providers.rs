//! What the service shows GitHub and GitLab, fetched once, before the first request.

use std::collections::BTreeMap;

use super::config::Config;
use super::secrets::read_secret;
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
    Providers::new(ProviderConfig::read(&values)?, Limits::default(), real_pause())
}

fn members(text: &SecretText) -> Result<BTreeMap<String, SecretText>> {
    // The reader's own words would quote the text.
    serde_json::from_str(text.reveal()).map_err(|_| Error::corrupt("the providers' secret is not an object of texts"))
}
