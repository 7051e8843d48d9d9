//! Installations: where the service was let in, and whether it still is.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Code, Error, Millis, Namespace, Result, Seconds};

/// Whether the provider lets the service in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InstallationState {
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

impl Installation {
    /// How the account stands: `disabled` while the provider does not let the service in.
    pub fn account_status(&self) -> AccountStatus {
        if self.state == InstallationState::Installed { self.account } else { AccountStatus::Disabled }
    }

    /// Refuses writes and commands where the provider does not let the service in. Members may go on reading.
    pub fn require_active(&self) -> Result<()> {
        if self.state == InstallationState::Installed {
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
    fn an_installation_that_is_not_installed_is_disabled_and_refuses() {
        let of = |state| Installation {
            namespace: Namespace { vcs: Vcs::Github, installation: InstallationId::new(1) },
            name: "acme".into(),
            state,
            account: AccountStatus::TrialEnding,
            tier: Tier { name: "free".into(), num_users_per_month: None },
            created_at: Millis(0),
            trial_ends_at: None,
        };
        let installed = of(InstallationState::Installed);
        assert_eq!(
            (installed.account_status(), installed.require_active().is_ok()),
            (AccountStatus::TrialEnding, true)
        );
        for state in [InstallationState::Suspended, InstallationState::Uninstalled] {
            assert_eq!(of(state).account_status(), AccountStatus::Disabled);
            assert!(of(state).require_active().is_err());
        }
    }
}
