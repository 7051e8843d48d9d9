//! Settings of teams and organizations that are either on or off.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Defines a set of flags, each with its value in a new team or organization, and a change of some of them. A flag's name in
/// storage is that of its field; on the wire it has dashes.
macro_rules! flags {
    ($(#[$doc:meta])* $flags:ident, $(#[$change_doc:meta])* $change:ident: $($(#[$flag_doc:meta])* $field:ident = $default:literal;)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(default, rename_all = "kebab-case")]
        pub struct $flags {
            $($(#[$flag_doc])* pub $field: bool,)*
        }

        impl Default for $flags {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $flags {
            /// Reads each flag by its name in storage; `find` gives `None` for one that is not stored.
            pub fn read(find: impl Fn(&'static str) -> Option<bool>, default: Self) -> Self {
                Self { $($field: find(stringify!($field)).unwrap_or(default.$field),)* }
            }

            /// Each flag by its name in storage.
            pub fn each(self) -> Vec<(&'static str, bool)> {
                vec![$((stringify!($field), self.$field),)*]
            }
        }

        $(#[$change_doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
        #[serde(default, rename_all = "kebab-case")]
        pub struct $change {
            $($(#[$flag_doc])* pub $field: Option<bool>,)*
        }

        impl $change {
            /// Reads flags by their names on the wire, or with underscores in place of dashes, as some clients write them. Names
            /// that are no flag's are ignored.
            pub fn of(sent: &BTreeMap<String, Option<bool>>) -> Self {
                let find = |name: &str| sent.get(&name.replace('_', "-")).or_else(|| sent.get(name)).copied().flatten();
                Self { $($field: find(stringify!($field)),)* }
            }

            /// The part of this change that is one.
            #[must_use]
            pub fn differing_from(self, present: $flags) -> Self {
                Self { $($field: self.$field.filter(|new| *new != present.$field),)* }
            }

            /// The flags after this change.
            pub fn applied_to(self, present: $flags) -> $flags {
                $flags { $($field: self.$field.unwrap_or(present.$field),)* }
            }

            /// Each flag that changes, by its name in storage.
            pub fn each(self) -> Vec<(&'static str, bool)> {
                [$((stringify!($field), self.$field),)*]
                    .into_iter()
                    .filter_map(|(name, value)| Some((name, value?)))
                    .collect()
            }
        }
    };
}

flags! {
    /// What a team may do to its organization. Only `manage-teams` has an effect here: the other flags are about things that
    /// do not exist here, and are kept for the clients that set them.
    OrganizationAccess,
    /// A change of what a team may do to its organization. A flag that is left out keeps its value.
    OrganizationAccessChange:
    /// Manage every team and its tokens.
    manage_teams = false;
    /// No effect.
    manage_workspaces = false;
    /// No effect.
    manage_policies = false;
    /// No effect.
    manage_policy_overrides = false;
    /// No effect.
    delegate_policy_overrides = false;
    /// No effect.
    manage_vcs_settings = false;
    /// No effect.
    manage_providers = false;
    /// No effect.
    manage_modules = false;
    /// No effect.
    manage_run_tasks = false;
    /// No effect.
    manage_projects = false;
    /// No effect.
    read_workspaces = false;
    /// No effect.
    read_projects = false;
    /// Always false: owners, and teams with `manage-teams`, manage the members of teams.
    manage_membership = false;
    /// Always false: owners give access.
    manage_organization_access = false;
    /// Always false: teams with `manage-teams` see secret teams.
    access_secret_teams = false;
    /// No effect.
    manage_agent_pools = false;
}

flags! {
    /// Settings of an organization about runs and workspaces. They have no effect here and are kept for the clients that
    /// set them.
    OrganizationSettings,
    /// A change of an organization's settings. A flag that is left out keeps its value.
    OrganizationSettingsChange:
    /// No effect.
    assessments_enforced = false;
    /// No effect.
    cost_estimation_enabled = false;
    /// No effect.
    send_passing_statuses_for_untriggered_speculative_plans = false;
    /// No effect.
    aggregated_commit_status_enabled = true;
    /// No effect.
    speculative_plan_management_enabled = true;
    /// No effect.
    allow_force_delete_workspaces = false;
    /// No effect.
    stacks_enabled = false;
    /// No effect.
    registry_monorepo_support_enabled = false;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_holds_only_flags_that_differ() {
        let sent = BTreeMap::from([
            ("manage-teams".to_owned(), Some(true)),
            ("manage-workspaces".to_owned(), Some(false)),
            ("manage-policies".to_owned(), None),
            ("unknown".to_owned(), Some(true)),
            ("read_projects".to_owned(), Some(true)),
        ]);
        let change = OrganizationAccessChange::of(&sent);
        assert_eq!(change.each(), [("manage_teams", true), ("manage_workspaces", false), ("read_projects", true)]);
        let change = change.differing_from(OrganizationAccess::default());
        assert_eq!(change.each(), [("manage_teams", true), ("read_projects", true)]);
        assert!(change.applied_to(OrganizationAccess::default()).manage_teams);
    }
}
