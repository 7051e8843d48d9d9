//! The signing keys of a process that signs: fetched before the first request, and looked at again now and then, so that
//! a rotated key comes into use without a new process.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Mutex;

use super::app::App;
use super::config::Config;
use super::secrets::{Secrets, read_file};
use crate::auth::{PublicKey, Signer, SigningKeyFile};
use crate::domain::{Error, Result, Seconds};

/// How long keys are used without another look, in seconds.
const LOOK_SECONDS: i64 = 300;
/// How long the listed keys are shown without another look, in seconds. Together with the minute for which the answer may
/// be kept it ends before a new key signs ([`HEAD_START_SECONDS`](crate::auth::HEAD_START_SECONDS)).
const LISTED_SECONDS: i64 = 10;
/// How soon a look that failed is repeated, in seconds.
const RETRY_SECONDS: i64 = 60;

/// The signer in use, and where its keys come from.
pub struct Signing {
    source: Source,
    signer: RwLock<Arc<Signer>>,
    /// When the next look is due. Who holds the lock looks; nobody waits for it.
    due: Mutex<Seconds>,
    /// The published keys, and when they were looked at. Many who want them at once wait for one look.
    listed: Mutex<Option<(Seconds, Vec<PublicKey>)>>,
}

enum Source {
    Secret {
        secrets: Secrets,
        secret: String,
    },
    File(String),
    /// Keys that came with the process.
    Given,
}

impl Signing {
    /// Fetches the keys and publishes the active one: verifiers must know a key before its first token.
    pub async fn load(config: &Config, app: &App) -> Result<Self> {
        let place = config.signing_keys.as_deref().ok_or(Error::bug("TERRAPI_SIGNING_KEYS is not set"))?;
        let source = match place.strip_prefix("file://") {
            Some(path) => Source::File(path.to_owned()),
            None => Source::Secret { secrets: Secrets::new(config)?, secret: place.to_owned() },
        };
        let due = app.clock.now().seconds().plus(LOOK_SECONDS);
        let signer = source.signer(app).await?;
        Ok(Self { source, signer: RwLock::new(Arc::new(signer)), due: Mutex::new(due), listed: Mutex::default() })
    }

    /// Keys that never change, already published.
    pub fn fixed(signer: Arc<Signer>) -> Self {
        Self {
            source: Source::Given,
            signer: RwLock::new(signer),
            due: Mutex::new(Seconds(i64::MAX)),
            listed: Mutex::default(),
        }
    }

    /// The signer to use. Every few minutes one caller waits for a look at the keys; when that fails, those at hand stay.
    pub async fn signer(&self, app: &App) -> Arc<Signer> {
        let now = app.clock.now().seconds();
        if let Ok(mut due) = self.due.try_lock()
            && *due <= now
        {
            *due = match self.source.signer(app).await {
                Ok(fresh) => {
                    *self.signer.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
                    now.plus(LOOK_SECONDS)
                }
                Err(error) => {
                    tracing::error!(%error, "the signing keys could not be looked at, those at hand stay in use");
                    now.plus(RETRY_SECONDS)
                }
            };
        }
        Arc::clone(&self.signer.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The published keys, the active one first, as they were at most ten seconds ago. When storage does not say, those at
    /// hand.
    pub async fn public_keys(&self, app: &App) -> Vec<PublicKey> {
        let (signer, now) = (self.signer(app).await, app.clock.now().seconds());
        let mut listed = self.listed.lock().await;
        if let Some((at, keys)) = &*listed
            && (0..LISTED_SECONDS).contains(&(now.0 - at.0))
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
                tracing::warn!(%error, "the published keys could not be read, the signer's own are shown");
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
            Self::Given => return Err(Error::bug("the signing keys came with the process")),
        };
        let signer = Signer::new(&SigningKeyFile::parse(text.reveal())?, app.settings.issuer.clone())?;
        let active = signer.active_key().ok_or(Error::bug("there is no signing key"))?;
        let published = app.store.publish_key(active, app.clock.now()).await?;
        if !published.trusted_at(app.clock.now().seconds()) {
            return Err(Error::bug("the signing key was replaced and has ended: a rollback must say that it is meant"));
        }
        if published.until.is_some() {
            tracing::warn!(kid = active.kid, "the signing key was replaced by another and ends soon");
        }
        Ok(signer.with_active_key_published(published.since))
    }
}
