//! What GitHub and GitLab say about people, their tokens and their repositories.

use std::fmt;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{InstallationId, Seconds};

/// A text that opens something. It shows nothing of itself, compares in constant time and is wiped when dropped.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes charge of a text.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself.
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

/// What a provider gave us to act for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserTokens {
    /// Opens the provider's API.
    pub access: SecretText,
    /// When `access` ends; `None` for one that does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Seconds>,
    /// Buys the next pair, once. `None` where tokens do not end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<SecretText>,
    /// When `refresh` ends, where the provider says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_expires_at: Option<Seconds>,
}

impl UserTokens {
    /// A token this close to its end is renewed before it is used: it has to outlive the call.
    const MARGIN_SECONDS: i64 = 60;

    /// Whether `access` has to be renewed before it is used at `now`.
    pub fn due(&self, now: Seconds) -> bool {
        self.expires_at.is_some_and(|end| end <= now.plus(Self::MARGIN_SECONDS))
    }
}

/// A person at a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Never changes and is never given to somebody else, unlike the login.
    pub id: u64,
    /// What they call themselves; may change hands.
    pub login: String,
    /// Their name.
    pub name: Option<String>,
    /// Their public address.
    pub email: Option<String>,
    /// Their picture.
    pub avatar_url: Option<String>,
}

/// Whom an installation belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountKind {
    /// An organisation, an enterprise or a group.
    Organization,
    /// A person.
    User,
}

/// An installation (GitHub) or a group (GitLab) that a person reaches, as the provider tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderInstallation {
    /// Its number.
    pub id: InstallationId,
    /// The account's login, or the group's full name.
    pub name: String,
    /// Whose it is.
    pub account: AccountKind,
    /// Whether its owner has suspended it.
    pub suspended: bool,
}

/// A repository, as the provider tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderRepository {
    /// Never changes, whatever the repository is called.
    pub id: u64,
    /// The account, or the path of the group.
    pub owner: String,
    /// Its name without the owner.
    pub name: String,
    /// The branch that is looked at first; absent while there is none.
    pub default_branch: Option<String>,
    /// Whether it is read-only for good.
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
