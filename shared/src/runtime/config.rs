//! The configuration from the environment, which is read once.
#![expect(clippy::disallowed_methods, reason = "only this module reads the environment")]

use std::collections::BTreeMap;
use std::env;

use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
use aws_config::meta::region::ProvideRegion as _;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};

use super::limits::RateLimits;
use super::origins::ListedOrigins;
use super::settings::Parsed;
use crate::auth::AUDIENCE;
use crate::domain::{Administrators, Error, MembershipMaxAge, Result, SecretText};
use crate::store::{StoreConfig, Tables, Timeouts};
use crate::vcs::VARIABLES;

#[derive(Clone, Debug)]
pub struct Config {
    pub store: StoreConfig,
    /// Where the signing keys are: the ARN of a secret, or a `file://` URL. Only the exchange and the key rotation have
    /// it.
    pub signing_keys: Option<String>,
    /// The URL of another server that speaks the protocol of Secrets Manager.
    pub secrets_endpoint: Option<String>,
    /// The value of `iss` in access tokens.
    pub issuer: String,
    /// The origin for links. Absent: the origin of the request.
    pub public_base_url: Option<String>,
    /// The other origins whose pages may call this service.
    pub listed_origins: ListedOrigins,
    /// Where the providers' other settings are: the ARN of a secret, or a `file://` URL. Only functions that call a
    /// provider have it.
    pub provider_secret: Option<String>,
    /// The providers' settings from the environment, by their names in [`VARIABLES`].
    pub provider_variables: BTreeMap<String, SecretText>,
    pub rates: RateLimits,
    /// The maximum age of a membership; after that its provider is asked again.
    pub membership_max_age: MembershipMaxAge,
    /// The people whom a sign-in makes administrators.
    pub administrators: Administrators,
    /// The name by which this service identifies itself to clients of the HCP Terraform API. The default name makes
    /// them assume the cloud product.
    pub app_name: String,
    /// Which messages are logged: `level` or `target=level`, separated by commas.
    pub log_filter: String,
    /// Whether this is no local stack: new keys are live ones, and logs are for machines.
    pub production: bool,
}

impl Config {
    /// Reads the environment. Returns the configuration and its problems, one line each.
    ///
    /// # Errors
    /// Lambda always sets the Region and the credentials. One of them is missing.
    pub async fn from_env() -> Result<(Self, Vec<String>)> {
        let missing = || Error::internal("reading the environment", "AWS_REGION is not set");
        let region = EnvironmentVariableRegionProvider::new().region().await.ok_or_else(missing)?;
        let credentials = EnvironmentVariableCredentialsProvider::new().provide_credentials().await;
        let credentials = credentials.map_err(|error| Error::internal("reading the credentials", error))?;
        let aws = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(region)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        // The template sets empty variables for parameters without a value, so empty counts as absent.
        Ok(Self::read(aws, |name| env::var(name).ok().filter(|value| !value.is_empty())))
    }

    /// Reads the variables that `find` returns. An invalid setting is listed as a problem and replaced by a default
    /// that never admits more callers: an invalid entry of a list is left out, and an invalid limit becomes the
    /// template's default.
    pub fn read(aws: SdkConfig, find: impl Fn(&str) -> Option<String>) -> (Self, Vec<String>) {
        let settings = Parsed::read(&find);
        let endpoint = find("AWS_ENDPOINT_URL_DYNAMODB");
        let tables = Tables {
            identity: find("TERRAPI_IDENTITY_TABLE").unwrap_or_default(),
            kv: find("TERRAPI_KV_TABLE").unwrap_or_default(),
            operations: find("TERRAPI_OPERATIONS_TABLE").unwrap_or_default(),
        };
        let config = Self {
            production: endpoint.is_none(),
            store: StoreConfig { tables, aws, endpoint, blobs: find("TERRAPI_BLOBS"), timeouts: Timeouts::default() },
            signing_keys: find("TERRAPI_SIGNING_KEYS"),
            secrets_endpoint: find("AWS_ENDPOINT_URL_SECRETS_MANAGER"),
            issuer: find("TERRAPI_ISSUER").unwrap_or_else(|| AUDIENCE.into()),
            public_base_url: settings.public_base_url,
            listed_origins: settings.listed_origins,
            provider_secret: find("TERRAPI_SECRET_ARN"),
            provider_variables: VARIABLES
                .into_iter()
                .filter_map(|name| Some((name.to_owned(), SecretText::new(find(name)?))))
                .collect(),
            rates: settings.rates,
            membership_max_age: settings.membership_max_age,
            administrators: settings.administrators,
            app_name: settings.app_name,
            log_filter: settings.log_filter,
        };
        (config, settings.problems)
    }
}
