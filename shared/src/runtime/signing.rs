//! Fetches the signing keys, once, before the first request.

use aws_sdk_secretsmanager::config::{BehaviorVersion, Builder, Region, SharedCredentialsProvider};

use super::config::Config;
use crate::auth::{Signer, SigningKeyFile};
use crate::domain::{Error, Result};
use crate::store::https_client;

/// The signer, from the secret or the file that the configuration names.
pub async fn load_signer(config: &Config) -> Result<Signer> {
    let place = config.signing_keys.as_deref().ok_or(Error::corrupt("TERRAPI_SIGNING_KEYS is not set"))?;
    let text = match place.strip_prefix("file://") {
        Some(path) => {
            std::fs::read_to_string(path).map_err(|error| Error::internal("reading the signing keys", error))?
        }
        None => read_secret(config, place).await?,
    };
    Signer::new(&SigningKeyFile::parse(&text)?, config.issuer.clone())
}

async fn read_secret(config: &Config, name: &str) -> Result<String> {
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
    let answer = answer.map_err(|error| Error::internal("reading the signing secret", error))?;
    answer.secret_string.ok_or(Error::corrupt("the signing secret holds no text"))
}
