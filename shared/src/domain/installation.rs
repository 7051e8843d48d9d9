//! Installations: where the service was let in, and whether it still is.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Code, Error, Millis, Namespace, Result, Seconds};

/// Whether the provider lets the service in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum InstallationState {
    /// It was told of the service and has not called yet.
    Pending,
    /// It does.
    Installed,
    /// Not for now.
    Suspended,
    /// Not any longer.
    Uninstalled,
}

/// How an account stands, on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountStatus {
    /// In use.
    Active,
    /// In use, the trial ends soon.
    TrialEnding,
    /// The trial is over.
    Expired,
    /// Suspended or uninstalled.
    Disabled,
}

/// What an account has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// For people.
    pub name: String,
    /// Users a month; absent when there is no limit.
    pub num_users_per_month: Option<u32>,
}

/// An installation (GitHub) or group (GitLab) that the service knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// Names it.
    pub namespace: Namespace,
    /// The account's login, or the group's name.
    pub name: String,
    /// Whether the provider lets the service in.
    pub state: InstallationState,
    /// How the account stands while it does.
    pub account: AccountStatus,
    /// What the account has.
    pub tier: Tier,
    /// When it was first seen.
    pub created_at: Millis,
    /// When the trial ends, if it is one.
    pub trial_ends_at: Option<Seconds>,
}

impl Tier {
    /// Of an account that nobody has said anything about: no limits.
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
    /// One that is met for the first time.
    pub fn new(namespace: Namespace, name: String, state: InstallationState, now: Millis) -> Self {
        let (account, tier) = (AccountStatus::Active, Tier::unknown());
        Self { namespace, name, state, account, tier, created_at: now, trial_ends_at: None }
    }

    /// How the account stands: `disabled` while the provider does not let the service in.
    pub fn account_status(&self) -> AccountStatus {
        if self.state.is_active() { self.account } else { AccountStatus::Disabled }
    }

    /// Refuses writes and commands where the provider does not let the service in. Members may go on reading.
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
