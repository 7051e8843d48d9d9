//! Installations: the accounts that gave the service access, and whether they still do.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Code, Error, Millis, Namespace, Result, Seconds};

/// Whether the provider lets the service in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum InstallationState {
    /// Set up here, but the provider has not called the webhook yet.
    Pending,
    /// Installed: the service has access.
    Installed,
    /// Suspended by its owner: the service has no access for the time being.
    Suspended,
    /// Uninstalled: the service no longer has access.
    Uninstalled,
}

/// How an account stands, on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountStatus {
    Active,
    /// Active; the trial period ends soon.
    TrialEnding,
    /// The trial period has ended.
    Expired,
    /// The installation is suspended or uninstalled.
    Disabled,
}

/// What an account may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// The tier's name, for people.
    pub name: String,
    /// How many users may be active in a month; `None`: no limit.
    pub num_users_per_month: Option<u32>,
}

/// An installation (GitHub) or group (GitLab) that the service knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// The provider, and the installation's id there.
    pub namespace: Namespace,
    /// The account's login, or the group's name.
    pub name: String,
    /// Whether the service has access.
    pub state: InstallationState,
    /// The account's status while the service has access. See [`Installation::account_status`].
    pub account: AccountStatus,
    /// What the account may use.
    pub tier: Tier,
    /// When the service first learned of it.
    pub created_at: Millis,
    /// When the trial period ends, if there is one.
    pub trial_ends_at: Option<Seconds>,
}

impl Tier {
    /// The tier of an account for which none has been set: it has no limits.
    pub fn unknown() -> Self {
        Self { name: "Unknown".into(), num_users_per_month: None }
    }
}

impl InstallationState {
    const fn is_active(self) -> bool {
        match self {
            Self::Pending | Self::Installed => true,
            Self::Suspended | Self::Uninstalled => false,
        }
    }
}

impl Installation {
    /// An installation that the service has not known before.
    pub fn new(namespace: Namespace, name: String, state: InstallationState, now: Millis) -> Self {
        let (account, tier) = (AccountStatus::Active, Tier::unknown());
        Self { namespace, name, state, account, tier, created_at: now, trial_ends_at: None }
    }

    /// The status that answers show: [`AccountStatus::Disabled`] while the service has no access.
    pub fn account_status(&self) -> AccountStatus {
        if self.state.is_active() { self.account } else { AccountStatus::Disabled }
    }

    /// Checks that the service has access. Call it before writes and commands; reading stays possible.
    ///
    /// # Errors
    /// [`Code::InstallationInactive`].
    pub fn require_active(&self) -> Result<()> {
        if self.state.is_active() {
            return Ok(());
        }
        Err(Error::forbidden(Code::InstallationInactive))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{InstallationId, Vcs};

    #[test]
    fn inactive_installation_is_disabled_and_refuses_use() {
        let of = |state| Installation {
            namespace: Namespace { vcs: Vcs::Github, installation: InstallationId::new(1) },
            name: "acme".into(),
            state,
            account: AccountStatus::TrialEnding,
            tier: Tier { name: "free".into(), num_users_per_month: None },
            created_at: Millis(0),
            trial_ends_at: None,
        };
        for state in [InstallationState::Pending, InstallationState::Installed] {
            let active = of(state);
            assert_eq!((active.account_status(), active.require_active().is_ok()), (AccountStatus::TrialEnding, true));
        }
        for state in [InstallationState::Suspended, InstallationState::Uninstalled] {
            assert_eq!(of(state).account_status(), AccountStatus::Disabled);
            assert!(of(state).require_active().is_err());
        }
    }
}
