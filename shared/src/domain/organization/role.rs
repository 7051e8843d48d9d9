//! What somebody may do in an organization.

use super::{Team, TeamId};

/// Somebody's part in one organization. Whoever has none is a stranger to it.
#[derive(Clone, Debug)]
pub enum Role {
    /// The organization's own token.
    Organization,
    /// In these teams, or one's token.
    Member(Vec<Team>),
}

impl Role {
    /// The part of somebody in these teams; `None` for nobody's.
    pub fn of(teams: Vec<Team>) -> Option<Self> {
        (!teams.is_empty()).then_some(Self::Member(teams))
    }

    /// Whether the organization itself is theirs: it, its teams' capabilities and access.
    pub fn owns(&self) -> bool {
        self.any(|team| team.owners)
    }

    /// Whether they may manage every team and token.
    pub fn manages(&self) -> bool {
        self.any(|team| team.owners || team.access.manage_teams)
    }

    /// Whether they may create, read and delete a team's tokens.
    pub fn manages_tokens_of(&self, team: &Team) -> bool {
        self.manages() || (self.is_in(team.id) && team.allow_member_token_management)
    }

    /// Whether they know that a team is there.
    pub fn sees(&self, team: &Team) -> bool {
        self.manages() || self.is_in(team.id) || team.visibility == super::Visibility::Organization
    }

    fn is_in(&self, id: TeamId) -> bool {
        matches!(self, Self::Member(teams) if teams.iter().any(|team| team.id == id))
    }

    fn any(&self, rule: impl Fn(&Team) -> bool) -> bool {
        match self {
            Self::Organization => true,
            Self::Member(teams) => teams.iter().any(rule),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{OrganizationAccess, OrganizationCode, TeamName, Visibility};
    use super::*;
    use crate::domain::{Capabilities, Millis};

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
    fn each_part_has_its_powers() {
        let plain = team(1);
        let closed = Team { allow_member_token_management: false, ..team(1) };
        let managers =
            Team { access: OrganizationAccess { manage_teams: true, ..Default::default() }, ..closed.clone() };
        let owners = Team { owners: true, ..closed.clone() };
        let of = |team: &Team| Role::of(vec![team.clone()]).unwrap();
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
        assert!(Role::of(vec![]).is_none());
    }
}
