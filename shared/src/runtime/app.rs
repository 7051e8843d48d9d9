//! The state that routers share.

use std::sync::Arc;

use super::background::Background;
use super::clock::{Clock, SystemClock};
use super::config::{Config, GithubConfig};
use super::random::Random;
use crate::auth::{FetchTimes, KeyEnvironment, VerifiedTokens, Verifier};
use crate::domain::{AuditEntry, Result};
use crate::store::Store;

/// What a deployment decides.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `iss` of every token.
    pub issuer: String,
    /// The origin that links use, when it is not what the client called.
    pub public_base_url: Option<String>,
    /// GitHub, when it is configured.
    pub github: Option<GithubConfig>,
    /// The prefix of new keys.
    pub key_environment: KeyEnvironment,
}

/// Everything a handler may need. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// Storage.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Random,
    /// Work beside the answer.
    pub background: Background,
    /// What the deployment decided.
    pub settings: Arc<Settings>,
    /// Verifies tokens.
    pub verifier: Arc<Verifier>,
    /// Tokens verified a moment ago.
    pub verified: Arc<VerifiedTokens>,
    /// When the public keys were last fetched.
    pub keys_fetched: Arc<FetchTimes>,
}

impl App {
    /// Puts the parts together.
    pub fn new(store: Store, clock: Arc<dyn Clock>, settings: Settings) -> Self {
        Self {
            store,
            clock,
            random: Random::default(),
            background: Background::default(),
            verifier: Arc::new(Verifier::new(&settings.issuer)),
            settings: Arc::new(settings),
            verified: Arc::default(),
            keys_fetched: Arc::default(),
        }
    }

    /// The state of a process, from its environment.
    pub fn from_config(config: &Config) -> Result<Self> {
        Ok(Self::configured(config, Store::new(&config.store)?))
    }

    /// As [`Self::from_config`] for a function that keeps no values.
    pub fn without_blobs(config: &Config) -> Result<Self> {
        Ok(Self::configured(config, Store::without_blobs(&config.store)?))
    }

    fn configured(config: &Config, store: Store) -> Self {
        let settings = Settings {
            issuer: config.issuer.clone(),
            public_base_url: config.public_base_url.clone(),
            github: config.github.clone(),
            key_environment: if config.on_aws { KeyEnvironment::Live } else { KeyEnvironment::Test },
        };
        Self::new(store, Arc::new(SystemClock), settings)
    }

    /// Opens the connection to storage and fetches the public keys before the first request, so that it finds both.
    /// Failing is no reason not to start.
    pub async fn warm_up(&self) {
        match self.store.list_public_keys().await {
            Ok(keys) => self.verifier.replace_keys(&keys),
            Err(error) => tracing::warn!(%error, "storage does not answer yet"),
        }
    }

    /// Adds to the audit trail.
    pub async fn audit(&self, entry: &AuditEntry) -> Result<()> {
        self.store.put_audit(entry, self.random.bytes()?).await
    }
}
