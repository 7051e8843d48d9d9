//! What GitHub and GitLab return about people, their tokens, their installations and their repositories.

use std::fmt;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{InstallationId, Seconds};

/// A secret text. `Debug` does not show it, comparison takes constant time, and its memory is overwritten when it is
/// dropped.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Wraps a secret. Copies that the caller made before are not overwritten.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The secret. Do not log it or put it into an error.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl PartialEq for SecretText {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for SecretText {}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText")
    }
}

/// The tokens with which the service acts for a person at a provider (RFC 6749 §5.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserTokens {
    /// The access token for the provider's API.
    pub access: SecretText,
    /// When `access` expires; `None` if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Seconds>,
    /// The refresh token, which works once. `None` if access tokens do not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<SecretText>,
    /// When `refresh` expires, if the provider says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_expires_at: Option<Seconds>,
}

impl UserTokens {
    /// A token that expires within this time is renewed before it is used, so that it does not expire during the call.
    const MARGIN_SECONDS: i64 = 60;

    /// Whether `access` has to be renewed before it is used at `now`.
    pub fn due(&self, now: Seconds) -> bool {
        self.expires_at.is_some_and(|end| end <= now.plus(Self::MARGIN_SECONDS))
    }
}

/// A person's profile at a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The provider's number for the person. Unlike the login it never changes, and is never given to somebody else.
    pub id: u64,
    /// The login. A person can change it, and another person can take it afterwards.
    pub login: String,
    /// The display name, if it is public.
    pub name: Option<String>,
    /// The email address, if it is public.
    pub email: Option<String>,
    /// The address of the profile picture.
    pub avatar_url: Option<String>,
}

/// The kind of account that an installation belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountKind {
    /// An organisation, an enterprise or a group.
    Organization,
    /// A person's own account.
    User,
}

/// An installation (GitHub) or group (GitLab) in the provider's list of those that a person belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderInstallation {
    /// The provider's number for it.
    pub id: InstallationId,
    /// The account's login, or the group's full name.
    pub name: String,
    /// The kind of account it belongs to.
    pub account: AccountKind,
    /// Whether its owner has suspended it.
    pub suspended: bool,
}

/// A repository in the provider's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderRepository {
    /// The provider's number for it, which stays the same when it is renamed or moved.
    pub id: u64,
    /// The account's login (GitHub), or the full path of the group (GitLab).
    pub owner: String,
    /// Its name without the owner.
    pub name: String,
    /// The default branch; `None` while the repository is empty.
    pub default_branch: Option<String>,
    /// Whether it has been archived, that is, made read-only.
    pub archived: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(expires_at: Option<i64>) -> UserTokens {
        let secret = |text: &str| SecretText::new(text.into());
        let expires_at = expires_at.map(Seconds);
        UserTokens { access: secret("ghu_abc"), expires_at, refresh: Some(secret("ghr_abc")), refresh_expires_at: None }
    }

    #[test]
    fn debug_output_shows_no_secret() {
        let shown = format!("{:?}", tokens(None));
        assert!(!shown.contains("abc") && !shown.contains("gh"), "{shown}");
    }

    #[test]
    fn token_is_renewed_a_minute_before_it_ends() {
        assert!(!tokens(None).due(Seconds(1_000_000)));
        assert!(!tokens(Some(1061)).due(Seconds(1000)));
        assert!(tokens(Some(1060)).due(Seconds(1000)));
    }

    #[test]
    fn tokens_round_trip_through_storage() {
        let written = serde_json::to_string(&tokens(Some(5))).unwrap();
        assert_eq!(serde_json::from_str::<UserTokens>(&written).unwrap(), tokens(Some(5)));
    }
}
