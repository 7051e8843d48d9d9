//! The App itself: its signed word buys a token for an installation, which is kept until a minute before its end.

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
use crate::vcs::config::GithubCredentials;
use crate::vcs::provider::InstallationAccess;

/// GitHub wants the issue in the past, for clocks that differ, and the end within ten minutes.
const ISSUED_BEFORE_SECONDS: i64 = 60;
const LIFETIME_SECONDS: i64 = 9 * 60;

/// A token that ends within this time is not used any more.
const MARGIN_SECONDS: i64 = 60;

/// More installations than a process sees in an hour; a full house is emptied.
const MAX_KEPT: usize = 1_000;

/// The App's key and the tokens it bought.
pub struct AppTokens {
    app_id: String,
    key: RsaKey,
    kept: Mutex<HashMap<InstallationId, (SecretText, Seconds)>>,
}

impl AppTokens {
    /// # Errors
    /// What the key is not.
    pub fn new(credentials: &GithubCredentials) -> std::result::Result<Self, &'static str> {
        let key = RsaKey::from_pem(credentials.pem.reveal())?;
        Ok(Self { app_id: credentials.app_id.clone(), key, kept: Mutex::default() })
    }

    /// A token that acts for the installation for at least a minute.
    ///
    /// # Errors
    /// [`Failure::NotFound`]: the App is not installed there any more; [`Failure::Forbidden`]: it is suspended.
    pub async fn installation_token(&self, crab: &Octocrab, access: InstallationAccess<'_>) -> Result<SecretText> {
        let now = access.now.seconds();
        if let Some(token) = self.find(access.installation, now) {
            return Ok(token);
        }
        let app = self.acting_as_app(crab, access)?;
        let route = format!("/app/installations/{}/access_tokens", access.installation);
        let bought: std::result::Result<InstallationToken, _> = app.post(route, None::<&()>).await;
        let bought = bought.map_err(|error| not_the_persons_fault(failure(error)))?;
        let malformed = || Failure::away("a token's end is no instant");
        let expires_at = Seconds::parse(&bought.expires_at).ok_or_else(malformed)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(access.installation, (bought.token.clone(), expires_at));
        Ok(bought.token)
    }

    /// The installation, as the App sees it.
    ///
    /// # Errors
    /// [`Failure::NotFound`]: the App is not installed there any more.
    pub async fn installation(&self, crab: &Octocrab, access: InstallationAccess<'_>) -> Result<Installation> {
        let route = format!("/app/installations/{}", access.installation);
        let answer = self.acting_as_app(crab, access)?.get(route, None::<&()>).await;
        answer.map_err(|error| not_the_persons_fault(failure(error)))
    }

    fn acting_as_app(&self, crab: &Octocrab, access: InstallationAccess<'_>) -> Result<Octocrab> {
        crab.user_access_token(self.jwt(access.now).map_err(Failure::away)?).map_err(failure)
    }

    /// Drops a token that GitHub does not accept.
    pub fn forget(&self, installation: InstallationId) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(&installation);
    }

    fn find(&self, installation: InstallationId, now: Seconds) -> Option<SecretText> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (token, end) = kept.get(&installation)?;
        (now.plus(MARGIN_SECONDS) < *end).then(|| token.clone())
    }

    /// RFC 7519, signed RS256, as GitHub asks of an App.
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

/// The App's own credential was refused: nothing that a person could mend by signing in again.
pub fn not_the_persons_fault(failure: Failure) -> Failure {
    match failure {
        Failure::Rejected => Failure::away("it rejects the App's own credential"),
        failure => failure,
    }
}
