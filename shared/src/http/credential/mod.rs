//! Credentials: finds the credential of a request and verifies it. API keys and access tokens are verified here,
//! sessions in `session.rs`, team tokens in `team_token.rs`. `charging.rs` decides whose rate limit a request counts
//! against.
//!
//! A further kind of credential is a variant of [`UnverifiedCredential`] and a function that verifies it. A kind that
//! is a stored secret is compared under a [`charging::SecretAttempt`].

pub(super) mod charging;
mod session;
mod team_token;

use std::sync::Arc;

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderValue};
use http::request::Parts;

use self::charging::{SecretAttempt, network, refuse_limited};
use super::cookie::session_cookies;
use crate::auth::{ApiKey, Claims, Refused, TeamSecret, Verified};
use crate::domain::rate::RateLimitKey;
use crate::domain::{ApiKeyRecord, AuditAction, Code, Error, Result, Seconds, SessionId};
use crate::runtime::App;

pub use charging::{AnonymousRateLimit, charged};
pub use team_token::{Holder, ProvenToken, prove_team_token};

/// A credential as a request presents it. Only its kind is known.
pub enum UnverifiedCredential<'a> {
    /// The text of an API key. It may be malformed.
    ApiKey(&'a str),
    /// The secret of a team's or organization's token. It may be malformed.
    TeamToken(&'a str),
    /// Any other bearer credential.
    AccessToken(&'a str),
    /// The sessions that the cookies name: at least one. At most one of them should exist.
    Sessions(Vec<SessionId>),
}

impl<'a> UnverifiedCredential<'a> {
    /// The credential of a request. If there is a bearer credential, valid or not, session cookies are ignored.
    ///
    /// # Errors
    /// Unauthenticated if there is no credential, or if a bearer credential is empty or not the only `Authorization`
    /// header (RFC 6750 §2.1).
    pub fn of(headers: &'a HeaderMap) -> Result<Self> {
        match bearer(headers) {
            Some(text) if ApiKey::claimed_by(text) => Ok(Self::ApiKey(text)),
            Some(text) if TeamSecret::claimed_by(text) => Ok(Self::TeamToken(text)),
            Some(text) => Ok(Self::AccessToken(text)),
            None if presents_bearer(headers) => Err(Error::unauthenticated()),
            None => {
                let sessions = Some(session_cookies(headers)).filter(|sessions| !sessions.is_empty());
                sessions.map(Self::Sessions).ok_or_else(Error::unauthenticated)
            }
        }
    }
}

/// The bearer credential. `None` if there are several `Authorization` headers.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, credential) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| credential.trim())
}

/// Whether there is a bearer credential, valid or not.
fn presents_bearer(headers: &HeaderMap) -> bool {
    let scheme = |value: &HeaderValue| {
        let scheme = value.as_bytes().split(|byte| *byte == b' ').next();
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer"))
    };
    headers.get_all(AUTHORIZATION).iter().any(scheme)
}

/// Verifies an access token or session. Counts nothing against a rate limit.
///
/// # Errors
/// * unauthenticated;
/// * forbidden: a page of another site sent a write with the session's cookie;
/// * rate limited: the caller is known to have exceeded a limit.
pub async fn authenticate(credential: UnverifiedCredential<'_>, parts: &Parts, app: &App) -> Result<Arc<Verified>> {
    match credential {
        UnverifiedCredential::ApiKey(_) => Err(Error::Unauthenticated { code: Code::ApiKeyNotAccepted }),
        UnverifiedCredential::TeamToken(_) => Err(Error::unauthenticated()),
        UnverifiedCredential::AccessToken(token) => by_access_token(token, parts, app).await,
        UnverifiedCredential::Sessions(named) => session::by_session(&named, parts, app).await.map(Arc::new),
    }
}

/// Verifies the text of an API key and returns the key. Costs one strongly consistent read, and none if the text is
/// malformed.
///
/// # Errors
/// Unauthenticated. An unknown id, a wrong secret and an expired key get the same answer, and each counts as a wrong
/// secret.
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

/// Verifies an access token with the published keys. Reads them only if the loaded ones are old or do not include its
/// key.
async fn by_access_token(token: &str, parts: &Parts, app: &App) -> Result<Arc<Verified>> {
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

/// Loads the published keys again every few minutes, because some may have been withdrawn. Only one of several
/// concurrent requests does so. If that fails, the loaded keys stay in use.
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
        Err(error) => tracing::warn!(%error, "the published keys could not be read; the loaded ones stay in use"),
    }
}

/// Verifies the token again after loading the published keys, unless another request has just loaded them.
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

#[cfg(test)]
mod tests {
    use http::header::COOKIE;

    use super::*;

    fn kind(authorization: &[&str], cookie: Option<&str>) -> &'static str {
        let headers = authorization.iter().map(|value| (AUTHORIZATION, HeaderValue::from_str(value).unwrap()));
        let cookie = cookie.map(|value| (COOKIE, HeaderValue::from_str(value).unwrap()));
        match UnverifiedCredential::of(&headers.chain(cookie).collect()) {
            Ok(UnverifiedCredential::ApiKey(_)) => "key",
            Ok(UnverifiedCredential::TeamToken(_)) => "team",
            Ok(UnverifiedCredential::AccessToken(_)) => "token",
            Ok(UnverifiedCredential::Sessions(_)) => "session",
            Err(_) => "none",
        }
    }

    #[test]
    fn each_kind_of_credential_is_told_by_its_text() {
        let session = format!("session={:0>43}", "A");
        let session = Some(session.as_str());
        let table: [(&[&str], Option<&str>, &str); 14] = [
            (&["Bearer tt_live_x"], None, "key"),
            (&["bearer tt_test_"], session, "key"),
            (&["Bearer a.atlasv1.b"], None, "team"),
            (&["Bearer tt_live_a.atlasv1.b"], None, "key"),
            (&["BEARER  a.b.c "], session, "token"),
            (&["Bearer "], session, "token"),
            (&[], session, "session"),
            (&["Basic a"], session, "session"),
            (&["Bearer"], session, "none"),
            (&["Bearer a", "Bearer a"], session, "none"),
            (&["Basic a", "Bearer a"], session, "none"),
            (&["Basic a"], None, "none"),
            (&[], Some("session=garbage"), "none"),
            (&[], None, "none"),
        ];
        for (authorization, cookie, expected) in table {
            assert_eq!(kind(authorization, cookie), expected, "{authorization:?} {cookie:?}");
        }
    }
}
