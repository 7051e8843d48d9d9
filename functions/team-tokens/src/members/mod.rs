//! The members of teams and organizations. A person in any team of an organization is a member of it; that membership
//! is not stored separately.

pub mod change;
pub mod document;
pub mod list;
pub mod show;

use std::collections::{BTreeMap, BTreeSet};

use terrapi::domain::organization::{Organization, Role, Team, membership_id, user_number};
use terrapi::domain::{Profile, Result, UserId};
use terrapi::runtime::App;
use terrapi::store::OrganizationSnapshot;

/// The type of a membership.
pub const MEMBERSHIPS: &str = "organization-memberships";
/// The type of a user.
pub const USERS: &str = "users";

/// A member of an organization.
pub struct Member {
    user: UserId,
    profile: Option<Profile>,
    /// The ids of the teams with this person that the caller may see.
    teams: Vec<String>,
}

impl Member {
    /// `user-…`
    fn user_id(&self) -> String {
        format!("user-{}", user_number(self.user))
    }

    /// The login at the organization's VCS, or else the id.
    fn username(&self) -> String {
        self.profile.as_ref().map_or_else(|| self.user_id(), |profile| profile.login.clone())
    }

    /// `ou-…`
    fn id(&self, organization: &Organization) -> String {
        membership_id(organization.id.organization(), self.user)
    }
}

/// The people in those of these teams that the caller may see, ordered by username. Costs one batch read for each 100
/// people.
pub async fn members<'a>(
    app: &App,
    organization: &Organization,
    teams: impl IntoIterator<Item = &'a Team>,
    role: &Role,
) -> Result<Vec<Member>> {
    let mut found: BTreeMap<UserId, Vec<String>> = BTreeMap::new();
    for team in teams.into_iter().filter(|team| role.sees(team)) {
        for user in &team.users {
            found.entry(*user).or_default().push(team.id.to_string());
        }
    }
    let users: BTreeSet<UserId> = found.keys().copied().collect();
    let mut profiles = app.store.find_profiles(&users, organization.namespace.vcs).await?;
    let member = |(user, teams)| Member { user, profile: profiles.remove(&user), teams };
    let mut members: Vec<_> = found.into_iter().map(member).collect();
    members.sort_by_key(Member::username);
    Ok(members)
}

/// The members of an organization.
pub async fn members_of(app: &App, snapshot: &OrganizationSnapshot, role: &Role) -> Result<Vec<Member>> {
    members(app, &snapshot.organization, &snapshot.teams, role).await
}
