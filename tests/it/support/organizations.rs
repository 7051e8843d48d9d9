//! A test organization in a service. Its ids are the same in every test.

use std::collections::BTreeSet;

use terrapi::auth::TeamSecret;
use terrapi::domain::organization::{
    Creator, Description, Email, ExecutionMode, Organization, OrganizationAccess, OrganizationId, OrganizationName,
    OrganizationSettings, Team, TeamId, TeamName, TeamToken, TeamTokenId, TokenHolder, Visibility,
};
use terrapi::domain::{
    AuditAction, AuditEntry, AuditOutcome, Capabilities, Capability, Identity, InstallationId, Millis, Namespace,
    Profile, UserId, Vcs,
};
use terrapi::http::ClientInfo;
use terrapi::runtime::{Clock, Random};
use terrapi::store::{Decision, ProviderAnswer, Written};

use super::TestService;

/// The organization's name in URLs.
pub const ACME: &str = "acme";
/// Id of the team with access to the KV store.
pub const PLATFORM: &str = "team-acme1111p1atform";
/// Id of that team's legacy token.
pub const PLATFORM_TOKEN: &str = "at-acme1111p1atform";

/// An organization in GitHub installation 12345, owned by the service's user.
pub struct Acme {
    pub organization: Organization,
    pub owners: Team,
    pub platform: Team,
    /// The organization's own token.
    pub organization_token: String,
    /// The platform team's legacy token.
    pub team_token: String,
}

impl TestService {
    pub async fn acme(&self) -> Acme {
        self.acme_of(BTreeSet::from([self.user])).await
    }

    /// Like `acme`, with these owners.
    pub async fn acme_of(&self, owners: BTreeSet<UserId>) -> Acme {
        let organization = Organization {
            id: OrganizationId::parse("org-acme1111acme1111").unwrap(),
            name: OrganizationName::new(ACME).unwrap(),
            email: Email::new("ops@acme.test").unwrap(),
            namespace: Namespace { vcs: Vcs::Github, installation: InstallationId::new(12345) },
            created_at: self.clock.now(),
            token: None,
            settings: OrganizationSettings::default(),
            execution_mode: ExecutionMode::default(),
        };
        let owners = Team {
            name: TeamName::new(TeamName::OWNERS).unwrap(),
            owners: true,
            access: OrganizationAccess { manage_teams: true, manage_workspaces: true, ..OrganizationAccess::default() },
            users: owners,
            ..self.team("team-acme1111owners00", &[])
        };
        let by = Decision::default();
        let created = self.app.store.create_organization(&organization, &owners, &by).await.unwrap();
        assert_eq!(created, Written::Done);
        let capabilities =
            [Capability::KvStoreRead, Capability::KvStoreWrite, Capability::InstallationId("12345".into())];
        let platform = Team { name: TeamName::new("platform").unwrap(), ..self.team(PLATFORM, &capabilities) };
        let created = self.app.store.create_team(&platform, organization.namespace, &by).await.unwrap();
        assert_eq!(created, Written::Done);
        let own = self.legacy("at-acme1111acme1111", TokenHolder::Organization).await;
        let team_token = self.legacy(PLATFORM_TOKEN, TokenHolder::Team(platform.id)).await;
        self.faulty.ledger().take();
        Acme { organization, owners, platform, organization_token: own, team_token }
    }

    /// Removes the service's user from every installation of a VCS, as the provider's listing would.
    pub async fn leave(&self, vcs: Vcs) {
        let fence = self.app.store.draw_membership_fence(self.user, vcs).await.unwrap();
        let note = |change| {
            let done = (AuditAction::PermissionChanged, AuditOutcome::Success);
            let entry = ClientInfo::default().audited(self.clock.now(), done, self.user, None);
            self.app.audit_record(AuditEntry { subject: Some(change), ..entry })
        };
        let (asked_at, max_age) = (self.clock.now(), self.app.settings.membership_max_age);
        let answer = ProviderAnswer { listed: &BTreeSet::new(), fence, asked_at, max_age };
        self.app.store.replace_memberships(self.user, vcs, answer, note).await.unwrap();
    }

    /// Stores the identity of a user who signed in at GitHub with this login and user id.
    pub async fn signed_in(&self, user: UserId, login: &str, number: u64) {
        let email = Some(format!("{login}@people.test"));
        let profile = Profile { id: number, login: login.to_owned(), name: None, email, avatar_url: None };
        let identity = Identity { vcs: Vcs::Github, user, profile };
        let administrator = self.app.store.is_administrator(user).await.unwrap();
        assert!(self.app.store.put_identity(&identity, None, administrator, None).await.unwrap());
    }

    /// A team of the organization `acme`, not stored.
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

    /// Stores a team of `acme` with a legacy token. Returns the token's secret.
    pub async fn team_with_token(&self, team: &Team) -> String {
        let namespace = Namespace { vcs: Vcs::Github, installation: InstallationId::new(12345) };
        let created = self.app.store.create_team(team, namespace, &Decision::default()).await.unwrap();
        assert_eq!(created, Written::Done);
        self.legacy(&format!("at-{}", team.id.digits()), TokenHolder::Team(team.id)).await
    }

    /// Stores a legacy token. Returns its secret.
    async fn legacy(&self, id: &str, holder: TokenHolder) -> String {
        let secret = TeamSecret::new(TeamTokenId::parse(id).unwrap(), Random::default().bytes().unwrap());
        let token = token(&secret, holder, self.clock.now(), self.user);
        let (written, _) = self.app.store.replace_legacy_token(&token, None, &Decision::default()).await.unwrap();
        assert_eq!(written, Written::Done);
        secret.reveal()
    }

    /// Stores described tokens of a team without requests, for tests of lists.
    pub async fn described(&self, team: &Team, count: usize) {
        for number in 0..count {
            let id = TeamTokenId::new(team.id.organization(), Random::default().bytes().unwrap());
            let secret = TeamSecret::new(id, Random::default().bytes().unwrap());
            let description = Description::new(&format!("number {number}"));
            let token =
                TeamToken { description, ..token(&secret, TokenHolder::Team(team.id), self.clock.now(), self.user) };
            let created = self.app.store.create_described_token(&token, team.id, &Decision::default()).await.unwrap();
            assert_eq!(created, Written::Done);
        }
    }
}

/// A token record with this secret.
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
