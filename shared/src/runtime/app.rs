//! The state that routers share.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::background::Background;
use super::clock::{Clock, SystemClock};
use super::config::Config;
use super::limits::{RateLimitDecision, RateLimiter, RateLimits};
use super::origins::ListedOrigins;
use super::random::Random;
use crate::auth::{KeyEnvironment, VerifiedTokens, Verifier};
use crate::domain::rate::RateLimitKey;
use crate::domain::{Administrators, AuditEntry, Code, Error, MembershipMaxAge, Result, Seconds};
use crate::store::{NewAuditEntry, Store};
use crate::vcs::Providers;

/// The settings of a deployment.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The value of `iss` in access tokens.
    pub issuer: String,
    /// The origin for links. Absent: the origin of the request.
    pub public_base_url: Option<String>,
    /// The other origins whose pages may call this service.
    pub listed_origins: ListedOrigins,
    /// The people whom a sign-in makes administrators.
    pub administrators: Administrators,
    /// The prefix of new API keys.
    pub key_environment: KeyEnvironment,
    pub rates: RateLimits,
    /// The maximum age of a membership; after that its provider is asked again.
    pub membership_max_age: MembershipMaxAge,
    /// The name by which this service identifies itself to clients of the HCP Terraform API.
    pub app_name: String,
}

/// When the published keys were last loaded, and whether that succeeded. It limits loads on demand, so that tokens with
/// forged headers do not cost a read each. Concurrent requests wait for one load.
#[derive(Debug, Default)]
pub struct KeyRefreshState {
    /// The last load on demand, and whether it succeeded.
    last: Option<(Seconds, bool)>,
    /// When the current keys were loaded.
    loaded_at: Option<Seconds>,
}

impl KeyRefreshState {
    /// The minimum number of seconds between two loads on demand.
    const INTERVAL_SECONDS: i64 = 10;
    /// How many seconds keys are trusted without loading them again. A withdrawn key must not stay valid as long as the
    /// process runs.
    const TRUSTED_SECONDS: i64 = 600;

    /// Whether the keys should be loaded now. If so, the caller must do it.
    ///
    /// # Errors
    /// Unavailable if it is too early and the last load failed, so that the current keys are unknown.
    pub fn due(&mut self, now: Seconds) -> Result<bool> {
        match self.last {
            Some((last, succeeded)) if now.0 - last.0 < Self::INTERVAL_SECONDS => {
                if succeeded {
                    Ok(false)
                } else {
                    Err(Error::Unavailable { code: Code::Unavailable, source: None })
                }
            }
            _ => {
                self.last = Some((now, false));
                Ok(true)
            }
        }
    }

    /// Records a successful load.
    pub fn succeeded(&mut self, now: Seconds) {
        self.last = self.last.map(|(last, _)| (last, true));
        self.loaded_at = Some(now);
    }

    /// Whether the keys are so old that they may have been withdrawn.
    pub fn outdated(&self, now: Seconds) -> bool {
        self.loaded_at.is_some_and(|loaded_at| now.0 - loaded_at.0 >= Self::TRUSTED_SECONDS)
    }
}

/// The dependencies of every handler. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub random: Random,
    pub background: Background,
    /// The clients for GitHub and GitLab. Empty for a function that does not call them.
    pub providers: Providers,
    pub settings: Arc<Settings>,
    pub verifier: Arc<Verifier>,
    /// A cache of verified tokens.
    pub verified: Arc<VerifiedTokens>,
    pub key_refresh: Arc<Mutex<KeyRefreshState>>,
    pub limits: Arc<RateLimiter>,
}

impl App {
    pub fn new(store: Store, clock: Arc<dyn Clock>, settings: Settings) -> Self {
        let random = Random::default();
        Self {
            store,
            clock,
            limits: Arc::new(RateLimiter::new(settings.rates.clone())),
            random,
            background: Background::default(),
            providers: Providers::default(),
            verifier: Arc::new(Verifier::new(&settings.issuer)),
            settings: Arc::new(settings),
            verified: Arc::default(),
            key_refresh: Arc::default(),
        }
    }

    /// Creates the state of a process from its configuration.
    pub fn from_config(config: &Config) -> Result<Self> {
        Ok(Self::configured(config, Store::new(&config.store)?))
    }

    /// As [`Self::from_config`], for a function that uses no object storage.
    pub fn without_blobs(config: &Config) -> Result<Self> {
        Ok(Self::configured(config, Store::without_blobs(&config.store)?))
    }

    /// Adds the clients for the providers.
    #[must_use]
    pub fn with_providers(self, providers: Providers) -> Self {
        Self { providers, ..self }
    }

    fn configured(config: &Config, store: Store) -> Self {
        let settings = Settings {
            issuer: config.issuer.clone(),
            public_base_url: config.public_base_url.clone(),
            listed_origins: config.listed_origins.clone(),
            administrators: config.administrators.clone(),
            key_environment: if config.production { KeyEnvironment::Live } else { KeyEnvironment::Test },
            rates: config.rates.clone(),
            membership_max_age: config.membership_max_age,
            app_name: config.app_name.clone(),
        };
        Self::new(store, Arc::new(SystemClock), settings)
    }

    /// Opens the connection to DynamoDB and loads the public keys before the first request. The function starts even if
    /// that fails.
    pub async fn warm_up(&self) {
        let now = self.clock.now().seconds();
        match self.store.list_public_keys(now).await {
            Ok(keys) => {
                self.verifier.replace_keys(&keys);
                self.key_refresh.lock().await.succeeded(now);
            }
            Err(error) => tracing::warn!(%error, "the public keys could not be loaded before the first request"),
        }
    }

    /// Charges a request against a rate limit. `None` if there is no limit.
    pub async fn spend(&self, subject: RateLimitKey) -> Option<RateLimitDecision> {
        self.limits.spend(&self.store, &*self.clock, subject).await
    }

    /// Writes an entry of the audit trail.
    pub async fn audit(&self, entry: AuditEntry) -> Result<()> {
        self.store.put_audit(&self.audit_record(entry)?).await
    }

    /// Writes an entry of the audit trail in the background. It neither delays nor fails the answer.
    pub fn audit_beside(&self, entry: AuditEntry) {
        let app = self.clone();
        self.background.spawn(async move {
            let about = (entry.action, entry.key);
            if let Err(error) = app.audit(entry).await {
                tracing::error!(%error, ?about, "an audit entry could not be written");
            }
        });
    }

    /// Makes an entry that is to be written in the same transaction as the change that it describes.
    pub fn audit_record(&self, entry: AuditEntry) -> Result<NewAuditEntry> {
        Ok(NewAuditEntry { entry, nonce: self.random.bytes()? })
    }
}
