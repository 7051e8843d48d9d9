//! The parts of GitHub's answers that this service uses.

use serde::Deserialize;

use crate::domain::{AccountKind, InstallationId, Profile, ProviderInstallation, ProviderRepository};

#[derive(Deserialize)]
pub struct User {
    id: u64,
    pub login: String,
    name: Option<String>,
    email: Option<String>,
    avatar_url: Option<String>,
}

impl From<User> for Profile {
    fn from(user: User) -> Self {
        Self { id: user.id, login: user.login, name: user.name, email: user.email, avatar_url: user.avatar_url }
    }
}

#[derive(Deserialize)]
pub struct Installation {
    id: u64,
    pub account: Option<Account>,
    suspended_at: Option<String>,
}

/// A user, an organization, or an enterprise. An enterprise has no login.
#[derive(Deserialize)]
pub struct Account {
    pub id: Option<u64>,
    pub login: Option<String>,
    slug: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl Account {
    pub fn is_person(&self) -> bool {
        self.kind.as_deref() == Some("User")
    }
}

impl From<Installation> for ProviderInstallation {
    fn from(installation: Installation) -> Self {
        let account = installation.account;
        let person = account.as_ref().is_some_and(Account::is_person);
        Self {
            id: InstallationId::new(installation.id),
            name: account.and_then(|account| account.login.or(account.slug)).unwrap_or_default(),
            account: if person { AccountKind::User } else { AccountKind::Organization },
            suspended: installation.suspended_at.is_some(),
        }
    }
}

#[derive(Deserialize)]
pub struct Repository {
    pub id: u64,
    name: String,
    owner: Owner,
    default_branch: Option<String>,
    #[serde(default)]
    archived: bool,
}

#[derive(Deserialize)]
struct Owner {
    login: String,
}

impl From<Repository> for ProviderRepository {
    fn from(repository: Repository) -> Self {
        Self {
            id: repository.id,
            owner: repository.owner.login,
            name: repository.name,
            default_branch: repository.default_branch,
            archived: repository.archived,
        }
    }
}

/// A membership in a GitHub organization.
#[derive(Deserialize)]
pub struct Membership {
    state: String,
    role: String,
    user: Option<Member>,
}

#[derive(Deserialize)]
struct Member {
    id: u64,
}

impl Membership {
    pub fn is_active(&self) -> bool {
        self.state == "active"
    }

    pub fn is_administrator(&self) -> bool {
        self.is_active() && self.role == "admin"
    }

    pub fn belongs_to(&self, person: u64) -> bool {
        self.user.as_ref().is_some_and(|user| user.id == person)
    }
}

/// A token for an installation. It is valid for an hour.
#[derive(Deserialize)]
pub struct InstallationToken {
    pub token: crate::domain::SecretText,
    /// RFC 3339.
    pub expires_at: String,
}
