//! An organization in a world: its ids are the same everywhere.

use std::collections::BTreeSet;

use terrapi::auth::TeamSecret;
use terrapi::domain::organization::{
    Creator, Description, Email, Organization, OrganizationAccess, OrganizationId, OrganizationName, Team, TeamId,
    TeamName, TeamToken, TeamTokenId, TokenHolder, Visibility,
};
use terrapi::domain::{Capabilities, Capability, InstallationId, Millis, Namespace, UserId, Vcs};
use terrapi::runtime::{Clock, Random};

use super::World;

/// The organization's name.
pub const ACME: &str = "acme";
/// Its team with access to the KV store.
pub const PLATFORM: &str = "team-acme0000platform";
/// That team's legacy token.
pub const PLATFORM_TOKEN: &str = "at-acme0000platform";

/// An organization of the world's user, who owns it, in GitHub's 12345.
pub struct Acme {
    pub organization: Organization,
    pub owners: Team,
    pub platform: Team,
    /// The organization's own token.
    pub organization_token: String,
    /// The platform team's legacy token.
    pub team_token: String,
}

impl World {
    pub async fn acme(&self) -> Acme {
        self.acme_of(BTreeSet::from([self.user])).await
    }

    /// The same with these owners.
    pub async fn acme_of(&self, owners: BTreeSet<UserId>) -> Acme {
        let organization = Organization {
            id: OrganizationId::parse("org-acme0000acme0000").unwrap(),
            name: OrganizationName::new(ACME).unwrap(),
            email: Email::new("ops@acme.test").unwrap(),
            namespace: Namespace { vcs: Vcs::Github, installation: InstallationId::new(12345) },
            created_at: self.clock.now(),
            token: None,
        };
        let owners = Team {
            name: TeamName::new(TeamName::OWNERS).unwrap(),
            owners: true,
            access: OrganizationAccess { manage_teams: true, manage_workspaces: true },
            users: owners,
            ..self.team("team-acme0000owners00", &[])
        };
        assert!(self.app.store.create_organization(&organization, &owners).await.unwrap());
        let capabilities =
            [Capability::KvStoreRead, Capability::KvStoreWrite, Capability::InstallationId("12345".into())];
        let platform = Team { name: TeamName::new("platform").unwrap(), ..self.team(PLATFORM, &capabilities) };
        assert!(self.app.store.create_team(&platform, organization.namespace).await.unwrap());
        let own = self.legacy("at-acme0000acme0000", TokenHolder::Organization).await;
        let team_token = self.legacy(PLATFORM_TOKEN, TokenHolder::Team(platform.id)).await;
        self.faulty.ledger().take();
        Acme { organization, owners, platform, organization_token: own, team_token }
    }

    /// A team of acme's, not stored.
    pub fn team(&self, id: &str, capabilities: &[Capability]) -> Team {
        Team {
            id: TeamId::parse(id).unwrap(),
            name: TeamName::new(id).unwrap(),
            owners: false,
            visibility: Visibility::Secret,
            allow_member_token_management: true,
            access: OrganizationAccess::default(),
            capabilities: capabilities.iter().cloned().collect::<Capabilities>(),
            users: BTreeSet::new(),
            created_at: self.clock.now(),
            token: None,
        }
    }

    /// A team of acme's, and a legacy token of it.
    pub async fn team_with_token(&self, team: &Team) -> String {
        let namespace = Namespace { vcs: Vcs::Github, installation: InstallationId::new(12345) };
        assert!(self.app.store.create_team(team, namespace).await.unwrap());
        self.legacy(&format!("at-{}", team.id.digits()), TokenHolder::Team(team.id)).await
    }

    /// A token that stands in the place of a legacy one.
    async fn legacy(&self, id: &str, holder: TokenHolder) -> String {
        let secret = TeamSecret::new(TeamTokenId::parse(id).unwrap(), Random::default().bytes().unwrap());
        self.app.store.replace_legacy_token(&token(&secret, holder, self.clock.now(), self.user), None).await.unwrap();
        secret.reveal()
    }

    /// Described tokens of a team, made here: most lists are not about creating them.
    pub async fn described(&self, team: &Team, count: usize) {
        for number in 0..count {
            let id = TeamTokenId::new(team.id.organization(), Random::default().bytes().unwrap());
            let secret = TeamSecret::new(id, Random::default().bytes().unwrap());
            let description = Description::new(&format!("number {number}"));
            let token =
                TeamToken { description, ..token(&secret, TokenHolder::Team(team.id), self.clock.now(), self.user) };
            assert!(self.app.store.create_described_token(&token, team.id).await.unwrap());
        }
    }
}

/// A token of that secret.
fn token(secret: &TeamSecret, holder: TokenHolder, now: Millis, creator: UserId) -> TeamToken {
    TeamToken {
        id: secret.id(),
        holder,
        description: None,
        secret_hash: secret.hash(),
        created_at: now,
        expired_at: None,
        last_used_at: None,
        created_by: Creator::User(creator, "ada".into()),
    }
}
