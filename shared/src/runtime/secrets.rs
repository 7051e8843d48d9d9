//! Fetches secrets, once, before the first request.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::config::{BehaviorVersion, Builder, Region, SharedCredentialsProvider};

use super::config::Config;
use crate::auth::{Signer, SigningKeyFile};
use crate::domain::{Error, Result, SecretText};
use crate::store::https_client;
use crate::vcs::{Limits, ProviderConfig, Providers, real_pause};

/// The signer, from the secret or the file that the configuration names.
pub async fn load_signer(config: &Config) -> Result<Signer> {
    let place = config.signing_keys.as_deref().ok_or(Error::corrupt("TERRAPI_SIGNING_KEYS is not set"))?;
    let text = read_secret(config, place).await?;
    Signer::new(&SigningKeyFile::parse(text.reveal())?, config.issuer.clone())
}

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

/// The text of a secret, or of the file that stands for one.
async fn read_secret(config: &Config, place: &str) -> Result<SecretText> {
    let text = match place.strip_prefix("file://") {
        Some(path) => {
            std::fs::read_to_string(path).map_err(|error| Error::internal("reading a secret's file", error))?
        }
        None => fetch_secret(config, place).await?,
    };
    Ok(SecretText::new(text))
}

async fn fetch_secret(config: &Config, name: &str) -> Result<String> {
    let builder = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(config.store.region.clone()))
        .credentials_provider(SharedCredentialsProvider::new(config.store.credentials.clone()));
    let builder = match &config.secrets_endpoint {
        Some(endpoint) => {
            builder.endpoint_url(endpoint).http_client(aws_smithy_http_client::Builder::new().build_http())
        }
        None => builder.http_client(https_client()?),
    };
    let client = aws_sdk_secretsmanager::Client::from_conf(builder.build());
    let answer = client.get_secret_value().secret_id(name).send().await;
    let answer = answer.map_err(|error| Error::internal("reading a secret", error))?;
    answer.secret_string.ok_or(Error::corrupt("a secret holds no text"))
}
