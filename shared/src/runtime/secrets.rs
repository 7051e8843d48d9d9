//! Reads secrets. Also has the calls to Secrets Manager that rotating one needs.

use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::Builder;
use aws_sdk_secretsmanager::config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};

use super::config::Config;
use crate::domain::{Error, Result, SecretText};
use crate::store::{CONNECT_TIMEOUT, http_client};

/// The timeout of one attempt. A client of the exchange may be waiting.
const ATTEMPT: Duration = Duration::from_secs(2);
/// The timeout of a call with its retries.
const OPERATION: Duration = Duration::from_secs(4);
const CURRENT: &str = "AWSCURRENT";
const PENDING: &str = "AWSPENDING";

/// The state of a version of a secret in Secrets Manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    Current,
    /// The version that the running rotation is to make current, with the id of the version that is current now.
    Pending {
        current: String,
    },
    /// Any other version, or no version of this secret.
    Other,
}

#[derive(Clone, Debug)]
pub struct Secrets(Client);

impl Secrets {
    /// Creates the client without sending anything.
    pub fn new(config: &Config) -> Result<Self> {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT)
            .operation_timeout(OPERATION);
        let builder = Builder::from(&config.store.aws).timeout_config(timeouts.build());
        let builder = builder.http_client(http_client(config.secrets_endpoint.as_deref())?);
        let builder = config.secrets_endpoint.iter().fold(builder, Builder::endpoint_url);
        Ok(Self(Client::from_conf(builder.build())))
    }

    /// The text of the current version.
    pub async fn current(&self, secret: &str) -> Result<SecretText> {
        let answer = self.0.get_secret_value().secret_id(secret).version_stage(CURRENT).send().await;
        let answer = answer.map_err(|error| Error::internal("reading a secret", error))?;
        let text = answer.secret_string.ok_or(Error::bug("a secret has no text"))?;
        Ok(SecretText::new(text))
    }

    /// The text of a version. `None` if it has not been written yet.
    pub async fn text_of(&self, secret: &str, version: &str) -> Result<Option<SecretText>> {
        match self.0.get_secret_value().secret_id(secret).version_id(version).send().await {
            Ok(answer) => Ok(answer.secret_string.map(SecretText::new)),
            Err(error) if code(&error) == Some("ResourceNotFoundException") => Ok(None),
            Err(error) => Err(Error::internal("reading a version of a secret", error)),
        }
    }

    pub async fn version(&self, secret: &str, version: &str) -> Result<Version> {
        let described = self.0.describe_secret().secret_id(secret).send().await;
        let described = described.map_err(|error| Error::internal("describing a secret", error))?;
        let versions = described.version_ids_to_stages.unwrap_or_default();
        let holds =
            |id: &str, stage: &str| versions.get(id).is_some_and(|stages| stages.iter().any(|known| known == stage));
        if holds(version, CURRENT) {
            return Ok(Version::Current);
        }
        let current = versions.keys().find(|id| holds(id, CURRENT)).cloned();
        Ok(match current.filter(|_| holds(version, PENDING)) {
            Some(current) => Version::Pending { current },
            None => Version::Other,
        })
    }

    /// Writes the pending version. If another process has written it, it stays as it is.
    pub async fn put_pending(&self, secret: &str, version: &str, text: &SecretText) -> Result<()> {
        let put = self.0.put_secret_value().secret_id(secret).client_request_token(version);
        match put.secret_string(text.reveal()).version_stages(PENDING).send().await {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == Some("ResourceExistsException") => Ok(()),
            Err(error) => Err(Error::internal("writing the pending version of a secret", error)),
        }
    }

    /// Makes a version the current one instead of `current`.
    pub async fn promote(&self, secret: &str, version: &str, current: &str) -> Result<()> {
        let update = self.0.update_secret_version_stage().secret_id(secret).version_stage(CURRENT);
        let update = update.move_to_version_id(version).remove_from_version_id(current);
        update
            .send()
            .await
            .map_err(|error| Error::internal("making the pending version of a secret current", error))?;
        Ok(())
    }
}

/// Reads a secret by its ARN, or the file of a `file://` URL.
pub(super) async fn read_secret(config: &Config, location: &str) -> Result<SecretText> {
    match location.strip_prefix("file://") {
        Some(path) => read_file(path),
        None => Secrets::new(config)?.current(location).await,
    }
}

/// Reads a file that is used instead of a secret.
pub(super) fn read_file(path: &str) -> Result<SecretText> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::internal("reading a secret's file", error))?;
    Ok(SecretText::new(text))
}

fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}
