//! Rotates the signing key in the data folder: on AWS, Secrets Manager starts that.

use std::fs;
use std::path::Path;
use std::time::Duration;

use key_rotation::RETIRING_SECONDS;
use terrapi::auth::{HEAD_START_SECONDS, Signer, SigningKeyFile};
use terrapi::domain::{Error, Result, Seconds};
use terrapi::runtime::App;
use terrapi::store::PublishedKey;
use terrapi_local::folder::{new_seed, write_json};

/// How often the age is checked.
const CHECK_INTERVAL: Duration = Duration::from_hours(1);

/// Replaces the signing key in `file` whenever it is older than `max_age`, forever.
pub async fn run(file: &Path, max_age: Duration, app: &App) {
    let max_age_seconds = i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX);
    loop {
        if let Err(error) = rotate_if_old(file, max_age_seconds, app).await {
            tracing::error!(%error, "the signing key could not be rotated; the current one stays in use");
        }
        tokio::time::sleep(CHECK_INTERVAL).await;
    }
}

async fn rotate_if_old(file: &Path, max_age_seconds: i64, app: &App) -> Result<()> {
    let now = app.clock.now().seconds();
    let signer = signer(&read(file)?, app)?;
    let published = app.store.list_published_keys(now).await?;
    let current = published.iter().find(|known| Some(&known.key) == signer.active_key());
    match current {
        Some(current) if age(current, now) >= max_age_seconds => rotate(file, app).await,
        // Also after a rotation that was interrupted before it retired the previous key.
        Some(current) if age(current, now) >= HEAD_START_SECONDS => retire_others(&signer, &published, now, app).await,
        _ => Ok(()),
    }
}

/// Replaces the signing key. The new key is published at once and signs after its head start, when every process and
/// client that caches the published keys has seen it; the previous key is trusted for another hour.
///
/// # Errors
/// Internal if the key of the last rotation does not sign yet, or a file cannot be read or written.
pub async fn rotate(file: &Path, app: &App) -> Result<()> {
    let now = app.clock.now().seconds();
    let current = read(file)?;
    let published = app.store.list_published_keys(now).await?;
    let in_use = signer(&current, app)?;
    let fresh = |known: &PublishedKey| Some(&known.key) == in_use.active_key() && age(known, now) < HEAD_START_SECONDS;
    if published.iter().any(fresh) {
        return Err(Error::bug("the key of the last rotation does not sign yet"));
    }
    let broken = |error: terrapi_local::Error| Error::internal("writing the signing key", error);
    let next = current.succeeded_by(new_seed(&app.random).map_err(broken)?);
    let next_signer = signer(&next, app)?;
    let key = next_signer.active_key().ok_or(Error::bug("the new file has no signing key"))?;
    app.store.publish_key(key, app.clock.now()).await?;
    write_json(file, &next).map_err(broken)?;
    tracing::info!(kid = key.kid, "the signing key was rotated");
    Ok(())
}

async fn retire_others(signer: &Signer, published: &[PublishedKey], now: Seconds, app: &App) -> Result<()> {
    for known in published {
        if Some(&known.key) != signer.active_key() && known.until.is_none() {
            app.store.retire_key(&known.key.kid, now.plus(RETIRING_SECONDS)).await?;
            tracing::info!(kid = known.key.kid, "a key was retired");
        }
    }
    Ok(())
}

fn age(key: &PublishedKey, now: Seconds) -> i64 {
    now.0 - key.since.seconds().0
}

fn read(file: &Path) -> Result<SigningKeyFile> {
    let text = fs::read_to_string(file).map_err(|error| Error::internal("reading the signing key", error))?;
    SigningKeyFile::parse(&text)
}

fn signer(file: &SigningKeyFile, app: &App) -> Result<Signer> {
    Signer::new(file, app.settings.issuer.clone())
}
