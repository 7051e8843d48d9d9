//! API keys.

use http::request::Parts;

use super::charging::SecretAttempt;
use crate::auth::ApiKey;
use crate::domain::rate::RateLimitKey;
use crate::domain::{ApiKeyRecord, AuditAction, Error, Result};
use crate::runtime::App;

/// The key whose text a request presents. One strongly consistent read; a malformed text costs none.
///
/// # Errors
/// Unauthenticated. An unknown id, a wrong secret and an expired key get the same answer, and each counts as a wrong secret.
pub async fn prove_api_key(text: &str, parts: &Parts, app: &App) -> Result<ApiKeyRecord> {
    let ApiKey { id, secret } = ApiKey::parse(text).ok_or_else(Error::unauthenticated)?;
    let (named, payer) = ((id, secret.hash()), Some(RateLimitKey::Key(id)));
    let attempt = SecretAttempt::begin((parts, app), named, AuditAction::KeyRefreshed, payer)?;
    match app.store.find_api_key(id).await? {
        Some(key) if secret.matches(&key.secret_hash) && !key.expired(app.clock.now()) => {
            attempt.succeeded();
            Ok(key)
        }
        other => Err(attempt.failed(other.map(|key| key.user)).await),
    }
}
