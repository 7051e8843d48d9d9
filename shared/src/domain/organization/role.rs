//! What somebody may do in an organization.

use super::{Authority, Right, Team, TeamId};
use crate::domain::{Namespace, UserId};

/// What somebody is in one organization, which decides what they may do there. To callers without a role, the
/// organization does not exist (404).
///
/// The functions that return an [`Authority`] name the facts of the decision; the others only answer yes or no.
#[derive(Clone, Debug)]
pub enum Role {
    /// The caller presented the organization's own token.
    Organization,
    /// The caller presented a token of this team.
    Team(Team),
    /// The caller is a person who belongs to the organization's installation and is in at least one of its teams.
    Person {
        user: UserId,
        namespace: Namespace,
        /// The teams that the person is in.
        teams: Vec<Team>,
    },
}

impl Role {
    /// The role of a person; `None` if they are in no team.
    pub fn of_person(user: UserId, namespace: Namespace, teams: Vec<Team>) -> Option<Self> {
        (!teams.is_empty()).then_some(Self::Person { user, namespace, teams })
    }

    /// Whether they may change the organization itself, and the capabilities and access of its teams.
    pub fn owns(&self) -> bool {
        self.owner().is_some()
    }

    /// Whether they may manage every team except the owners', and the tokens of every team.
    pub fn manages(&self) -> bool {
        self.manager().is_some()
    }

    /// Whether they may change `team` and its members. For the owners' team this needs an owner.
    pub fn changes(&self, team: &Team) -> bool {
        self.changer(team).is_some()
    }

    /// Whether they may create, read and delete a team's tokens.
    pub fn manages_tokens_of(&self, team: &Team) -> bool {
        self.token_manager(team).is_some()
    }

    /// Whether they may see that `team` exists.
    pub fn sees(&self, team: &Team) -> bool {
        self.manages() || self.own(team.id).is_some() || team.visibility == super::Visibility::Organization
    }

    /// The facts behind [`Self::owns`]; `None` if they do not own the organization.
    pub fn owner(&self) -> Option<Authority> {
        self.by(Right::Own, |team| team.owners)
    }

    /// The facts behind [`Self::manages`]; `None` if they do not manage teams.
    pub fn manager(&self) -> Option<Authority> {
        self.owner().or_else(|| self.by(Right::ManageTeams, |team| team.access.manage_teams))
    }

    /// The facts behind [`Self::changes`]; `None` if they may not change `team`.
    pub fn changer(&self, team: &Team) -> Option<Authority> {
        if team.owners { self.owner() } else { self.manager() }
    }

    /// The facts behind [`Self::manages_tokens_of`]; `None` if they may not manage its tokens.
    pub fn token_manager(&self, team: &Team) -> Option<Authority> {
        let own = || self.own(team.id).filter(|own| own.allow_member_token_management);
        self.manager().or_else(|| own().and_then(|_| self.by(Right::ManageOwnTokens, |own| own.id == team.id)))
    }

    fn own(&self, id: TeamId) -> Option<&Team> {
        self.teams().iter().find(|team| team.id == id)
    }

    fn teams(&self) -> &[Team] {
        match self {
            Self::Organization => &[],
            Self::Team(team) => std::slice::from_ref(team),
            Self::Person { teams, .. } => teams,
        }
    }

    /// The facts behind a right that comes from the first team for which `rule` holds. The organization's own token has
    /// every right.
    fn by(&self, right: Right, rule: impl Fn(&Team) -> bool) -> Option<Authority> {
        let team = || self.teams().iter().find(|team| rule(team)).map(|team| (team.id, right));
        match self {
            Self::Organization => Some(Authority::default()),
            Self::Team(_) => team().map(|team| Authority { team: Some(team), ..Authority::default() }),
            Self::Person { user, namespace, .. } => {
                team().map(|team| Authority { team: Some(team), member: Some((*user, *namespace)), token: None })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{OrganizationAccess, OrganizationCode, TeamName, Visibility};
    use super::*;
    use crate::domain::{Capabilities, InstallationId, Millis, Vcs};

    fn team(number: u8) -> Team {
        Team {
            id: TeamId::new(OrganizationCode::new([0; 8]), [number; 8]),
            name: TeamName::new("team").unwrap(),
            owners: false,
            visibility: Visibility::Secret,
            allow_member_token_management: true,
            access: OrganizationAccess::default(),
            capabilities: Capabilities::default(),
            users: std::collections::BTreeSet::new(),
            created_at: Millis(0),
            token: None,
        }
    }

    /// (owns, manages, manages its own tokens, manages another's, sees itself, sees another, sees an open one)
    fn powers(role: &Role, own: &Team) -> [bool; 7] {
        let open = Team { visibility: Visibility::Organization, ..team(8) };
        [
            role.owns(),
            role.manages(),
            role.manages_tokens_of(own),
            role.manages_tokens_of(&team(9)),
            role.sees(own),
            role.sees(&team(9)),
            role.sees(&open),
        ]
    }

    #[test]
    fn each_role_has_its_rights() {
        let plain = team(1);
        let closed = Team { allow_member_token_management: false, ..team(1) };
        let managers =
            Team { access: OrganizationAccess { manage_teams: true, ..Default::default() }, ..closed.clone() };
        let owners = Team { owners: true, ..closed.clone() };
        let of = |team: &Team| Role::Team(team.clone());
        let table = [
            (Role::Organization, &plain, [true; 7]),
            (of(&owners), &owners, [true; 7]),
            (of(&managers), &managers, [false, true, true, true, true, true, true]),
            (of(&plain), &plain, [false, false, true, false, true, false, true]),
            (of(&closed), &closed, [false, false, false, false, true, false, true]),
        ];
        for (role, own, expected) in table {
            assert_eq!(powers(&role, own), expected, "{role:?}");
        }
        let namespace = Namespace { vcs: Vcs::Github, installation: InstallationId::new(1) };
        let person = |teams| Role::of_person(UserId::new(uuid::Uuid::nil()), namespace, teams);
        assert!(person(vec![]).is_none());
        assert_eq!(powers(&person(vec![plain.clone(), owners]).unwrap(), &plain), [true; 7]);
    }

    #[test]
    fn right_names_the_team_that_grants_it() {
        let owners = Team { owners: true, ..team(1) };
        let managers = Team { access: OrganizationAccess { manage_teams: true, ..Default::default() }, ..team(2) };
        let given = |authority: Option<Authority>| authority.unwrap().team;
        let role = |team: &Team| Role::Team(team.clone());
        assert_eq!(given(role(&owners).manager()), Some((owners.id, Right::Own)));
        assert_eq!(given(role(&managers).token_manager(&owners)), Some((managers.id, Right::ManageTeams)));
        assert_eq!(given(role(&team(3)).token_manager(&team(3))), Some((team(3).id, Right::ManageOwnTokens)));
        assert_eq!(role(&managers).changer(&owners), None);
        assert_eq!(Role::Organization.owner(), Some(Authority::default()));
        let namespace = Namespace { vcs: Vcs::Github, installation: InstallationId::new(1) };
        let user = UserId::new(uuid::Uuid::nil());
        let person = Role::of_person(user, namespace, vec![team(3), owners.clone()]).unwrap();
        let authority = Authority { token: None, member: Some((user, namespace)), team: Some((owners.id, Right::Own)) };
        assert_eq!(person.owner(), Some(authority));
    }
}
