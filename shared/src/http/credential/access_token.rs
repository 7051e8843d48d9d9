//! Access tokens, and the public keys that verify them.

use std::sync::Arc;

use http::request::Parts;

use super::charging::{network, refuse_limited};
use crate::auth::{Claims, Refused, Verified};
use crate::domain::rate::RateLimitKey;
use crate::domain::{Error, Result, Seconds};
use crate::runtime::App;

/// Verifies a token with the published keys. No read while the keys at hand do.
pub(super) async fn by_access_token(token: &str, parts: &Parts, app: &App) -> Result<Arc<Verified>> {
    let now = app.clock.now().seconds();
    if let Some(verified) = app.verified.find(token, now) {
        return Ok(verified);
    }
    renew_keys(now, app).await;
    let claims = match app.verifier.verify(token, now) {
        Err(Refused::UnknownKey) => {
            refuse_limited(parts, app, RateLimitKey::Anonymous(network(parts)))?;
            verify_with_fresh_keys(token, now, app).await?
        }
        verdict => verdict,
    };
    let claims = claims.map_err(|_| Error::unauthenticated())?;
    Ok(app.verified.insert(token, claims, now))
}

/// Every few minutes one caller looks at the published keys although all at hand do: some may have been withdrawn. When
/// that fails, those at hand stay.
async fn renew_keys(now: Seconds, app: &App) {
    let Ok(mut look) = app.key_refresh.try_lock() else { return };
    if !look.outdated(now) || !matches!(look.due(now), Ok(true)) {
        return;
    }
    match app.store.list_public_keys(now).await {
        Ok(keys) => {
            look.succeeded(now);
            app.verifier.replace_keys(&keys);
        }
        Err(error) => tracing::warn!(%error, "the published keys could not be looked at, those at hand stay in use"),
    }
}

/// Looks at the published keys, unless somebody just did.
async fn verify_with_fresh_keys(token: &str, now: Seconds, app: &App) -> Result<Result<Claims, Refused>> {
    let mut look = app.key_refresh.lock().await;
    let verdict = app.verifier.verify(token, now);
    if verdict.as_ref().err() != Some(&Refused::UnknownKey) || !look.due(now)? {
        return Ok(verdict);
    }
    let keys = app.store.list_public_keys(now).await?;
    look.succeeded(now);
    app.verifier.replace_keys(&keys);
    Ok(app.verifier.verify(token, now))
}
