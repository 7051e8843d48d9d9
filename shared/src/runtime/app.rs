//! The state that routers share.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::background::Background;
use super::clock::{Clock, SystemClock};
use super::config::Config;
use super::limits::{RateLimitDecision, RateLimiter, RateLimits};
use super::random::Random;
use crate::auth::{KeyEnvironment, VerifiedTokens, Verifier};
use crate::domain::rate::RateLimitKey;
use crate::domain::{Administrators, AuditEntry, Code, Error, MembershipMaxAge, Result, Seconds};
use crate::http::ListedOrigins;
use crate::store::{NewAuditEntry, Store};
use crate::vcs::Providers;

/// What a deployment decides.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `iss` of every token.
    pub issuer: String,
    /// The origin that links use, when it is not what the client called.
    pub public_base_url: Option<String>,
    /// Whose pages may call, beside its own.
    pub listed_origins: ListedOrigins,
    /// Whom a sign-in makes an administrator.
    pub administrators: Administrators,
    /// The prefix of new keys.
    pub key_environment: KeyEnvironment,
    /// What callers may send.
    pub rates: RateLimits,
    /// How old a membership may become before its provider is asked again.
    pub membership_max_age: MembershipMaxAge,
    /// What the service calls itself to clients of the HCP Terraform API.
    pub app_name: String,
}

/// When the published keys were last looked at, and whether that went well. A forged header must not cost a read each
/// time, and many at once wait for one look.
#[derive(Debug, Default)]
pub struct KeyRefreshState {
    /// The last look on demand.
    last: Option<(Seconds, bool)>,
    /// Of when the keys at hand are.
    fresh: Option<Seconds>,
}

impl KeyRefreshState {
    /// The least number of seconds between two looks.
    const INTERVAL_SECONDS: i64 = 10;
    /// How long keys are trusted without a look, in seconds: one that was withdrawn must not live as long as a process.
    const TRUSTED_SECONDS: i64 = 600;

    /// Whether it is time to look again; notes that somebody does.
    ///
    /// # Errors
    /// It is not, and the last look failed: what it would have found is not known.
    pub fn due(&mut self, now: Seconds) -> Result<bool> {
        match self.last {
            Some((last, fine)) if now.0 - last.0 < Self::INTERVAL_SECONDS => {
                if fine {
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

    /// Notes that the look went well.
    pub fn succeeded(&mut self, now: Seconds) {
        self.last = self.last.map(|(last, _)| (last, true));
        self.fresh = Some(now);
    }

    /// Whether the keys at hand are so old that they may have been withdrawn.
    pub fn outdated(&self, now: Seconds) -> bool {
        self.fresh.is_some_and(|fresh| now.0 - fresh.0 >= Self::TRUSTED_SECONDS)
    }
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
    /// GitHub and GitLab: none, for a function that does not talk to them.
    pub providers: Providers,
    /// What the deployment decided.
    pub settings: Arc<Settings>,
    /// Verifies tokens.
    pub verifier: Arc<Verifier>,
    /// Tokens verified a moment ago.
    pub verified: Arc<VerifiedTokens>,
    /// The last look at the published keys.
    pub key_refresh: Arc<Mutex<KeyRefreshState>>,
    /// What callers have sent.
    pub limits: Arc<RateLimiter>,
}

impl App {
    /// Puts the parts together.
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

    /// The state of a process, from its environment.
    pub fn from_config(config: &Config) -> Result<Self> {
        Ok(Self::configured(config, Store::new(&config.store)?))
    }

    /// As [`Self::from_config`] for a function that keeps no values.
    pub fn without_blobs(config: &Config) -> Result<Self> {
        Ok(Self::configured(config, Store::without_blobs(&config.store)?))
    }

    /// The same for a function that talks to providers.
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
            key_environment: if config.on_aws { KeyEnvironment::Live } else { KeyEnvironment::Test },
            rates: config.rates.clone(),
            membership_max_age: config.membership_max_age,
            app_name: config.app_name.clone(),
        };
        Self::new(store, Arc::new(SystemClock), settings)
    }

    /// Opens the connection to storage and fetches the public keys before the first request, so that it finds both.
    /// Failing is no reason not to start.
    pub async fn warm_up(&self) {
        let now = self.clock.now().seconds();
        match self.store.list_public_keys(now).await {
            Ok(keys) => {
                self.verifier.replace_keys(&keys);
                self.key_refresh.lock().await.succeeded(now);
            }
            Err(error) => tracing::warn!(%error, "storage does not answer yet"),
        }
    }

    /// Takes a request out of a subject's budget. `None`: there is no limit.
    pub async fn spend(&self, subject: RateLimitKey) -> Option<RateLimitDecision> {
        self.limits.spend(&self.store, &*self.clock, subject).await
    }

    /// Adds to the audit trail.
    pub async fn audit(&self, entry: AuditEntry) -> Result<()> {
        self.store.put_audit(&self.audit_record(entry)?).await
    }

    /// Adds to the audit trail beside the answer, which is neither delayed nor failed by it.
    pub fn audit_beside(&self, entry: AuditEntry) {
        let app = self.clone();
        self.background.spawn(async move {
            let about = (entry.action, entry.key);
            if let Err(error) = app.audit(entry).await {
                tracing::error!(%error, ?about, "an audit entry was lost");
            }
        });
    }

    /// An entry that is written together with what it tells of.
    pub fn audit_record(&self, entry: AuditEntry) -> Result<NewAuditEntry> {
        Ok(NewAuditEntry { entry, nonce: self.random.bytes()? })
    }
}
