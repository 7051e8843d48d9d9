//! An organization on the stage: one team with a hundred tokens, and the token that manages them.

use std::collections::BTreeSet;

use serde_json::json;
use terrapi::auth::TeamSecret;
use terrapi::domain::organization::{
    Creator, Description, Email, ExecutionMode, OrganizationAccess, OrganizationCode, OrganizationId, OrganizationName,
    OrganizationSettings, Team, TeamId, TeamName, TeamToken, TeamTokenId, TokenHolder, Visibility,
};
use terrapi::domain::{Capability, InstallationId, Namespace, Vcs};
use terrapi::runtime::{Clock as _, SystemClock};
use terrapi::store::{Decision, Written};

use crate::Result;
use crate::events::event;
use crate::runtime_api::Event;
use crate::seed::{INSTALLATION, Stage};

/// The number of its team's tokens.
const TOKENS: usize = 100;

/// The parts of the organization that rows need.
pub struct Organization {
    pub name: String,
    /// The id of the organization's own token.
    pub own: TeamTokenId,
    pub team: TeamId,
    /// A token of the team that is never deleted.
    pub described: TeamTokenId,
    token: String,
    team_token: String,
}

impl Organization {
    /// Creates an organization of the stage's user. Its team has one legacy token and 99 described ones.
    pub async fn new(stage: &Stage, name: &str) -> Result<Self> {
        let code = OrganizationCode::new(stage.random().bytes()?);
        let namespace = Namespace { vcs: Vcs::Github, installation: InstallationId::new(INSTALLATION) };
        let organization = terrapi::domain::organization::Organization {
            id: OrganizationId::new(code, stage.random().bytes()?),
            name: OrganizationName::new(name).ok_or("invalid name of an organization")?,
            email: Email::new("bench@example.com").ok_or("invalid email address")?,
            namespace,
            created_at: SystemClock.now(),
            token: None,
            settings: OrganizationSettings::default(),
            execution_mode: ExecutionMode::default(),
        };
        let owners = Team {
            owners: true,
            access: OrganizationAccess { manage_teams: true, manage_workspaces: true, ..OrganizationAccess::default() },
            users: BTreeSet::from([stage.user()]),
            ..team(stage, code, TeamName::OWNERS)?
        };
        let by = Decision::default();
        done(stage.store().create_organization(&organization, &owners, &by).await?)?;
        let team = team(stage, code, "platform")?;
        done(stage.store().create_team(&team, namespace, &by).await?)?;
        let (own, token) = token(stage, code, TokenHolder::Organization)?;
        done(stage.store().replace_legacy_token(&own, None, &by).await?.0)?;
        let holder = TokenHolder::Team(team.id);
        done(stage.store().replace_legacy_token(&self::token(stage, code, holder)?.0, None, &by).await?.0)?;
        let (described, team_token) = self::token(stage, code, holder)?;
        let described = TeamToken { description: Description::new("this one"), ..described };
        done(stage.store().create_described_token(&described, team.id, &by).await?)?;
        for number in 2..TOKENS {
            let (other, _) = self::token(stage, code, holder)?;
            let other = TeamToken { description: Description::new(&format!("number {number:02}")), ..other };
            done(stage.store().create_described_token(&other, team.id, &by).await?)?;
        }
        Ok(Self {
            name: name.to_owned(),
            own: own.id,
            team: team.id,
            described: described.id,
            token: token.reveal(),
            team_token: team_token.reveal(),
        })
    }

    /// Replaces the team's legacy token.
    pub fn create(&self) -> Event {
        let body = json!({"data": {"type": "authentication-token", "attributes": {}}});
        event("POST", &self.legacy(), &self.token, Some(&body))
    }

    pub fn delete(&self) -> Event {
        event("DELETE", &self.legacy(), &self.token, None)
    }

    /// Shows a token of the team.
    pub fn read(&self) -> Event {
        event("GET", &format!("/api/v2/authentication-tokens/{}", self.described), &self.token, None)
    }

    /// Lists all tokens of the team.
    pub fn list(&self) -> Event {
        let path = format!("/api/v2/organizations/{}/team-tokens?page%5Bsize%5D={TOKENS}", self.name);
        event("GET", &path, &self.token, None)
    }

    /// Exchanges a token of the team for an access token.
    pub fn exchange(&self) -> Event {
        event("POST", "/api/v1/access-token/refresh", &self.team_token, None)
    }

    fn legacy(&self) -> String {
        format!("/api/v2/teams/{}/authentication-token", self.team)
    }
}

/// A team that may use the KV store.
fn team(stage: &Stage, code: OrganizationCode, name: &str) -> Result<Team> {
    Ok(Team {
        id: TeamId::new(code, stage.random().bytes()?),
        name: TeamName::new(name).ok_or("invalid name of a team")?,
        owners: false,
        visibility: Visibility::Secret,
        allow_member_token_management: true,
        access: OrganizationAccess::default(),
        capabilities: [Capability::KvStoreRead, Capability::KvStoreWrite].into_iter().collect(),
        users: BTreeSet::new(),
        created_at: SystemClock.now(),
        token: None,
    })
}

/// A new token by the stage's user. It is not stored.
fn token(stage: &Stage, code: OrganizationCode, holder: TokenHolder) -> Result<(TeamToken, TeamSecret)> {
    let secret = TeamSecret::new(TeamTokenId::new(code, stage.random().bytes()?), stage.random().bytes()?);
    let token = TeamToken {
        id: secret.id(),
        holder,
        description: None,
        secret_hash: secret.hash(),
        created_at: SystemClock.now(),
        expired_at: None,
        last_used_at: None,
        created_by: Creator::User(stage.user(), "bench".into()),
    };
    Ok((token, secret))
}

fn done(outcome: Written) -> Result<()> {
    if outcome == Written::Done { Ok(()) } else { Err("a row of the organization was not written".into()) }
}
