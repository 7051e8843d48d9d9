//! The environment, read once.
#![expect(clippy::disallowed_methods, reason = "this is where the environment is read")]

use std::collections::BTreeMap;
use std::env;

use aws_sdk_dynamodb::config::Credentials;

use super::limits::Rates;
use crate::auth::AUDIENCE;
use crate::domain::rate::Limit;
use crate::domain::{Administrators, Error, MembershipMaxAge, Result, SecretText};
use crate::http::ListedOrigins;
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
    pub rates: Rates,
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
    /// Reads the environment.
    ///
    /// # Errors
    /// Names the variable that is missing, or what cannot be read.
    pub fn from_env() -> Result<Self> {
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
        Ok(Self {
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
            public_base_url: find("PUBLIC_BASE_URL").map(|url| url.trim_end_matches('/').to_owned()),
            listed_origins: ListedOrigins::parse(&find("CORS_ORIGINS").unwrap_or_default())?,
            provider_secret: find("TERRAPI_SECRET_ARN"),
            provider_variables: VARIABLES
                .into_iter()
                .filter_map(|name| Some((name.to_owned(), SecretText::new(find(name)?))))
                .collect(),
            rates: rates()?,
            membership_max_age: MembershipMaxAge::new(number(
                "MEMBERSHIP_MAX_AGE_SECONDS",
                MembershipMaxAge::DEFAULT_SECONDS,
            )?),
            administrators: Administrators::parse(&find("TERRAPI_ADMINISTRATORS").unwrap_or_default())?,
            app_name: find("TFP_APP_NAME").unwrap_or_else(|| "HCP Terraform".into()),
            log_filter: find("RUST_LOG").unwrap_or_else(|| "info".into()),
        })
    }
}

/// Unlimited, but for wrong secrets and where organizations are managed, unless the environment says otherwise; 0 takes a limit away.
fn rates() -> Result<Rates> {
    let rate = |rate, burst| Ok::<_, Error>(Limit::per_second(number(rate, 0)?, number(burst, 0)?));
    // What clients of such APIs are told to expect.
    let principals = (number("RATE_LIMIT_PRINCIPALS_PER_SECOND", 30)?, number("RATE_LIMIT_PRINCIPALS_BURST", 40)?);
    Ok(Rates {
        callers: rate("RATE_LIMIT_PER_SECOND", "RATE_LIMIT_BURST")?,
        principals: Limit::per_second(principals.0, principals.1),
        strangers: rate("RATE_LIMIT_STRANGERS_PER_SECOND", "RATE_LIMIT_STRANGERS_BURST")?,
        guessers: Limit::in_a_minute(number("RATE_LIMIT_WRONG_SECRETS", 10)?),
        ..Rates::default()
    })
}

fn number(name: &'static str, absent: u32) -> Result<u32> {
    let bad = |error| Error::internal("reading the environment", format!("{name}: {error}"));
    find(name).map_or(Ok(absent), |text| text.parse().map_err(bad))
}

/// An empty variable counts as absent: templates write those for parameters nobody set.
fn find(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn need(name: &'static str) -> Result<String> {
    find(name).ok_or_else(|| Error::internal("reading the environment", format!("{name} is not set")))
}
