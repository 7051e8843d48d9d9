//! Authentication as the GitHub App: a signed JWT is exchanged for a token of an installation, which is cached until a
//! minute before it expires.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use octocrab::Octocrab;
use serde_json::json;

use super::wire::{Installation, InstallationToken};
use super::{Failure, Result, failure};
use crate::auth::RsaKey;
use crate::domain::{self, InstallationId, Millis, Seconds, SecretText};
use crate::vcs::catalogue::InstallationAccess;
use crate::vcs::config::GithubCredentials;

/// GitHub recommends an `iat` in the past, because clocks differ, and requires an `exp` within ten minutes.
const ISSUED_BEFORE_SECONDS: i64 = 60;
const LIFETIME_SECONDS: i64 = 9 * 60;

/// A token is not used in its last seconds.
const MARGIN_SECONDS: i64 = 60;

/// The size of the cache. A process meets fewer installations in an hour; a full cache is cleared.
const MAX_CACHED: usize = 1_000;

/// The App's key, and the cache of installation tokens.
pub struct AppTokens {
    app_id: String,
    key: RsaKey,
    cached: Mutex<HashMap<InstallationId, (SecretText, Seconds)>>,
}

impl AppTokens {
    /// # Errors
    /// The problem with the key, as the predicate of a sentence.
    pub fn new(credentials: &GithubCredentials) -> std::result::Result<Self, &'static str> {
        let key = RsaKey::from_pem(credentials.pem.reveal())?;
        Ok(Self { app_id: credentials.app_id.clone(), key, cached: Mutex::default() })
    }

    /// A token of the installation that is valid for at least a minute.
    ///
    /// # Errors
    /// [`Failure::NotFound`] if the App is no longer installed there; [`Failure::Forbidden`] if it is suspended.
    pub async fn installation_token(&self, crab: &Octocrab, access: InstallationAccess<'_>) -> Result<SecretText> {
        let now = access.now.seconds();
        if let Some(token) = self.find(access.installation, now) {
            return Ok(token);
        }
        let app = self.acting_as_app(crab, access)?;
        let route = format!("/app/installations/{}/access_tokens", access.installation);
        let issued: std::result::Result<InstallationToken, _> = app.post(route, None::<&()>).await;
        let issued = issued.map_err(|error| as_service_failure(failure(error)))?;
        let malformed = || Failure::unavailable("a token's expiry is not a date");
        let expires_at = Seconds::parse(&issued.expires_at).ok_or_else(malformed)?;
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if cached.len() >= MAX_CACHED {
            cached.clear();
        }
        cached.insert(access.installation, (issued.token.clone(), expires_at));
        Ok(issued.token)
    }

    /// The installation, read as the App.
    ///
    /// # Errors
    /// [`Failure::NotFound`] if the App is no longer installed there.
    pub async fn installation(&self, crab: &Octocrab, access: InstallationAccess<'_>) -> Result<Installation> {
        let route = format!("/app/installations/{}", access.installation);
        let answer = self.acting_as_app(crab, access)?.get(route, None::<&()>).await;
        answer.map_err(|error| as_service_failure(failure(error)))
    }

    fn acting_as_app(&self, crab: &Octocrab, access: InstallationAccess<'_>) -> Result<Octocrab> {
        crab.user_access_token(self.jwt(access.now).map_err(Failure::unavailable)?).map_err(failure)
    }

    /// Removes a token that GitHub does not accept from the cache.
    pub fn forget(&self, installation: InstallationId) {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner).remove(&installation);
    }

    fn find(&self, installation: InstallationId, now: Seconds) -> Option<SecretText> {
        let cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let (token, end) = cached.get(&installation)?;
        (now.plus(MARGIN_SECONDS) < *end).then(|| token.clone())
    }

    /// The App's JWT (RFC 7519), signed with RS256.
    fn jwt(&self, now: Millis) -> domain::Result<String> {
        let now = now.seconds();
        let claims =
            json!({"iss": self.app_id, "iat": now.plus(-ISSUED_BEFORE_SECONDS), "exp": now.plus(LIFETIME_SECONDS)});
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(json!({"alg": "RS256", "typ": "JWT"})), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(signed.as_bytes())?);
        Ok(format!("{signed}.{signature}"))
    }
}

/// Turns a rejection of the App's own credential into a failure of this service: signing in again would not help.
pub fn as_service_failure(failure: Failure) -> Failure {
    match failure {
        Failure::Rejected => Failure::unavailable("the provider rejects the App's own credential"),
        failure => failure,
    }
}
