//! The signing keys of a process that signs. They are loaded before the first request and reloaded regularly, so that a
//! rotated key is used without a new process.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Mutex;

use super::app::App;
use super::config::Config;
use super::secrets::{Secrets, read_file};
use crate::auth::{PublicKey, Signer, SigningKeyFile};
use crate::domain::{Error, Result, Seconds};

/// The interval in seconds at which the keys are reloaded.
const RELOAD_SECONDS: i64 = 300;
/// How many seconds the list of published keys is cached. This and the minute for which a client may cache the answer
/// end before a new key signs ([`HEAD_START_SECONDS`](crate::auth::HEAD_START_SECONDS)).
const LIST_CACHE_SECONDS: i64 = 10;
/// How many seconds after a failure the keys are reloaded.
const RETRY_SECONDS: i64 = 60;

/// The current signer, and the source of its keys.
pub struct Signing {
    source: Source,
    signer: RwLock<Arc<Signer>>,
    /// When the next reload is due. The request that holds the lock reloads; others do not wait for it.
    next_reload: Mutex<Seconds>,
    /// The published keys, and when they were read. Concurrent requests wait for one read.
    listed: Mutex<Option<(Seconds, Vec<PublicKey>)>>,
}

enum Source {
    Secret {
        secrets: Secrets,
        secret: String,
    },
    File(String),
    /// Keys that were passed to the process.
    Fixed,
}

impl Signing {
    /// Loads the keys and publishes the active one, because verifiers must know a key before its first token.
    pub async fn load(config: &Config, app: &App) -> Result<Self> {
        let location = config.signing_keys.as_deref().ok_or(Error::bug("TERRAPI_SIGNING_KEYS is not set"))?;
        let source = match location.strip_prefix("file://") {
            Some(path) => Source::File(path.to_owned()),
            None => Source::Secret { secrets: Secrets::new(config)?, secret: location.to_owned() },
        };
        let next_reload = app.clock.now().seconds().plus(RELOAD_SECONDS);
        let signer = source.signer(app).await?;
        Ok(Self {
            source,
            signer: RwLock::new(Arc::new(signer)),
            next_reload: Mutex::new(next_reload),
            listed: Mutex::default(),
        })
    }

    /// Keys that never change and are already published.
    pub fn fixed(signer: Arc<Signer>) -> Self {
        Self {
            source: Source::Fixed,
            signer: RwLock::new(signer),
            next_reload: Mutex::new(Seconds(i64::MAX)),
            listed: Mutex::default(),
        }
    }

    /// The current signer. Every few minutes one request waits until the keys are reloaded. If that fails, the current
    /// ones stay.
    pub async fn signer(&self, app: &App) -> Arc<Signer> {
        let now = app.clock.now().seconds();
        if let Ok(mut next_reload) = self.next_reload.try_lock()
            && *next_reload <= now
        {
            *next_reload = match self.source.signer(app).await {
                Ok(fresh) => {
                    *self.signer.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
                    now.plus(RELOAD_SECONDS)
                }
                Err(error) => {
                    tracing::error!(%error, "the signing keys could not be reloaded; the current ones stay in use");
                    now.plus(RETRY_SECONDS)
                }
            };
        }
        Arc::clone(&self.signer.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The published keys, the active one first, at most ten seconds old. If they cannot be read, the signer's own
    /// keys.
    pub async fn public_keys(&self, app: &App) -> Vec<PublicKey> {
        let (signer, now) = (self.signer(app).await, app.clock.now().seconds());
        let mut listed = self.listed.lock().await;
        if let Some((at, keys)) = &*listed
            && (0..LIST_CACHE_SECONDS).contains(&(now.0 - at.0))
        {
            return keys.clone();
        }
        match app.store.list_public_keys(now).await {
            Ok(mut keys) => {
                keys.sort_by_key(|key| Some(key) != signer.active_key());
                *listed = Some((now, keys.clone()));
                keys
            }
            Err(error) => {
                tracing::warn!(%error, "the published keys could not be read; the answer has the signer's own");
                signer.public_keys().to_vec()
            }
        }
    }
}

impl Source {
    async fn signer(&self, app: &App) -> Result<Signer> {
        let text = match self {
            Self::Secret { secrets, secret } => secrets.current(secret).await?,
            Self::File(path) => read_file(path)?,
            Self::Fixed => return Err(Error::bug("the signing keys are fixed")),
        };
        let signer = Signer::new(&SigningKeyFile::parse(text.reveal())?, app.settings.issuer.clone())?;
        let active = signer.active_key().ok_or(Error::bug("no signing key is configured"))?;
        let published = app.store.publish_key(active, app.clock.now()).await?;
        if !published.trusted_at(app.clock.now().seconds()) {
            return Err(Error::bug(
                "the signing key was retired and has expired; an explicit rollback must reinstate it",
            ));
        }
        if published.until.is_some() {
            tracing::warn!(kid = active.kid, "the signing key was retired and will expire");
        }
        Ok(signer.with_active_key_published(published.since))
    }
}
