//! The environment, read once.
#![expect(clippy::disallowed_methods, reason = "this is where the environment is read")]

use std::collections::BTreeMap;
use std::env;

use aws_sdk_dynamodb::config::Credentials;

use super::limits::RateLimits;
use super::origins::ListedOrigins;
use super::settings::Parsed;
use crate::auth::AUDIENCE;
use crate::domain::{Administrators, Error, MembershipMaxAge, Result, SecretText};
use crate::store::{StoreConfig, Tables, Timeouts};
use crate::vcs::VARIABLES;

/// What a process was told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where storage is.
    pub store: StoreConfig,
    /// Where the signing keys are: a secret's ARN or a `file://` URL. Only the exchange function has it.
    pub signing_keys: Option<String>,
    /// A stand-in for Secrets Manager.
    pub secrets_endpoint: Option<String>,
    /// `iss` of every token.
    pub issuer: String,
    /// The origin that links use, when it is not what the client called.
    pub public_base_url: Option<String>,
    /// Whose pages may call, beside its own.
    pub listed_origins: ListedOrigins,
    /// Where the rest of the providers' settings are: a secret's ARN or a `file://` URL. Only functions that talk to a
    /// provider have it.
    pub provider_secret: Option<String>,
    /// What the environment says about GitHub and GitLab, by the names in [`VARIABLES`].
    pub provider_variables: BTreeMap<String, SecretText>,
    /// What callers may send.
    pub rates: RateLimits,
    /// How old a membership may become before its provider is asked again.
    pub membership_max_age: MembershipMaxAge,
    /// Whom a sign-in makes an administrator.
    pub administrators: Administrators,
    /// What the service calls itself to clients of the HCP Terraform API. From the usual name they conclude that it is the
    /// cloud product.
    pub app_name: String,
    /// Which messages are logged: `level` or `target=level`, with commas between.
    pub log_filter: String,
    /// Whether this is AWS and not the local stack.
    pub on_aws: bool,
}

impl Config {
    /// Reads the environment. Beside the configuration come the problems with it, one line each.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn from_env() -> Result<(Self, Vec<String>)> {
        // An empty variable counts as absent: templates write those for parameters nobody set.
        Self::read(|name| env::var(name).ok().filter(|value| !value.is_empty()))
    }

    /// Reads what `find` has to say. A setting that cannot be used is named in the list of problems, and its default is
    /// taken instead, never one that lets in more: an entry that cannot be read trusts nobody, a limit that cannot be read
    /// is the template's.
    ///
    /// # Errors
    /// Names the variable that is missing: Region and credentials, which Lambda sets.
    pub fn read(find: impl Fn(&str) -> Option<String>) -> Result<(Self, Vec<String>)> {
        let missing = |name| Error::internal("reading the environment", format!("{name} is not set"));
        let need = |name: &'static str| find(name).ok_or_else(|| missing(name));
        let settings = Parsed::read(&find);
        let endpoint = find("AWS_ENDPOINT_URL_DYNAMODB");
        let tables = Tables {
            identity: find("TERRAPI_IDENTITY_TABLE").unwrap_or_default(),
            kv: find("TERRAPI_KV_TABLE").unwrap_or_default(),
            operations: find("TERRAPI_OPERATIONS_TABLE").unwrap_or_default(),
        };
        let credentials = Credentials::new(
            need("AWS_ACCESS_KEY_ID")?,
            need("AWS_SECRET_ACCESS_KEY")?,
            find("AWS_SESSION_TOKEN"),
            None,
            "environment",
        );
        let config = Self {
            on_aws: endpoint.is_none(),
            store: StoreConfig {
                tables,
                endpoint,
                region: need("AWS_REGION")?,
                credentials,
                blobs: find("TERRAPI_BLOBS"),
                timeouts: Timeouts::default(),
            },
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
        Ok((config, settings.problems))
    }
}
