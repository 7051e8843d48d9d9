//! The first organization: `local`, owned by the administrator, with one team that may use the KV store.

use std::collections::BTreeSet;

use terrapi::{
    auth::TeamSecret,
    domain::{
        Capability, Error, InstallationId, Namespace, Result, UserId, Vcs,
        organization::{
            Creator, Email, ExecutionMode, Organization, OrganizationAccess, OrganizationId, OrganizationName,
            OrganizationSettings, Team, TeamId, TeamName, TeamToken, TeamTokenId, TokenHolder, Visibility,
        },
    },
    runtime::{Clock, Random, SystemClock},
    store::{Decision, Store, Written},
};

pub const NAME: &str = "local";
/// The id of the organization's token, in base58. It begins with the organization's code.
const TOKEN: &str = "at-terrapi1organize";
/// The code in data folders that were created before ids used base58.
const FORMER_CODE: &str = "local000";

/// The ids that begin with an organization's code.
struct Ids {
    organization: OrganizationId,
    owners: TeamId,
    team: TeamId,
}

impl Ids {
    /// The ids of the organization to which a token belongs.
    fn of(token: TeamTokenId) -> Result<Self> {
        let code = token.organization();
        let former = code.to_string() == FORMER_CODE;
        let [organization, owners, team] =
            if former { ["local000", "owners00", "platform"] } else { ["terrapi1", "owners11", "p1atform"] };
        Ok(Self {
            organization: OrganizationId::parse(&format!("org-{code}{organization}")).ok_or_else(damaged)?,
            owners: TeamId::parse(&format!("team-{code}{owners}")).ok_or_else(damaged)?,
            team: TeamId::parse(&format!("team-{code}{team}")).ok_or_else(damaged)?,
        })
    }
}

/// The team that may use the KV store, in the organization with this token.
pub fn team_id(token: &str) -> Result<String> {
    let secret = TeamSecret::parse(token).ok_or_else(damaged)?;
    Ok(Ids::of(secret.id())?.team.to_string())
}

/// A new text of the organization's token.
pub fn new_token(random: &Random) -> Result<String> {
    let id = TeamTokenId::parse(TOKEN).ok_or_else(damaged)?;
    Ok(TeamSecret::new(id, random.bytes()?).reveal())
}

/// Writes what is missing of the organization, its teams and its token.
pub async fn seed(store: &Store, token: &str, owner: UserId, installation: u64) -> Result<()> {
    let secret = TeamSecret::parse(token).ok_or_else(damaged)?;
    let ids = Ids::of(secret.id())?;
    let organization = Organization {
        id: ids.organization,
        name: OrganizationName::new(NAME).ok_or_else(damaged)?,
        email: Email::new("local-admin@localhost").ok_or_else(damaged)?,
        namespace: Namespace { vcs: Vcs::Github, installation: InstallationId::new(installation) },
        created_at: SystemClock.now(),
        token: None,
        settings: OrganizationSettings::default(),
        execution_mode: ExecutionMode::default(),
    };
    let owners = Team {
        owners: true,
        access: OrganizationAccess { manage_teams: true, manage_workspaces: true, ..OrganizationAccess::default() },
        users: BTreeSet::from([owner]),
        ..team(ids.owners, TeamName::OWNERS, &[])?
    };
    let by = Decision::default();
    let found = store.find_organization(organization.id.organization()).await?;
    if found.is_none() {
        written(store.create_organization(&organization, &owners, &by).await?)?;
    }
    let may = [
        Capability::KvStoreRead,
        Capability::KvStoreWrite,
        Capability::InstallationId(organization.namespace.installation.to_string()),
    ];
    let platform = team(ids.team, "platform", &may)?;
    if store.find_team(platform.id).await?.is_none() {
        written(store.create_team(&platform, organization.namespace, &by).await?)?;
    }
    if store.find_team_token(secret.id()).await?.is_none() {
        let old = found.and_then(|organization| organization.token);
        written(store.replace_legacy_token(&row(&secret, owner), old, &by).await?.0)?;
    }
    Ok(())
}

fn team(id: TeamId, name: &str, capabilities: &[Capability]) -> Result<Team> {
    Ok(Team {
        id,
        name: TeamName::new(name).ok_or_else(damaged)?,
        owners: false,
        visibility: Visibility::Secret,
        allow_member_token_management: true,
        access: OrganizationAccess::default(),
        capabilities: capabilities.iter().cloned().collect(),
        users: BTreeSet::new(),
        created_at: SystemClock.now(),
        token: None,
    })
}

fn row(secret: &TeamSecret, creator: UserId) -> TeamToken {
    TeamToken {
        id: secret.id(),
        holder: TokenHolder::Organization,
        description: None,
        secret_hash: secret.hash(),
        created_at: SystemClock.now(),
        expired_at: None,
        last_used_at: None,
        created_by: Creator::User(creator, "local-admin".to_owned()),
    }
}

fn written(outcome: Written) -> Result<()> {
    if outcome == Written::Done { Ok(()) } else { Err(damaged()) }
}

fn damaged() -> Error {
    Error::bug("the local organization is damaged")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_derived_from_the_token() {
        let token = new_token(&Random::default()).unwrap();
        let team = team_id(&token).unwrap();
        assert_eq!(team, "team-terrapi1p1atform");
        assert!(!team["team-".len()..].contains(['0', 'O', 'I', 'l']), "{team} is in base58");
        let former = TeamTokenId::parse("at-local000organize").unwrap();
        assert_eq!(Ids::of(former).unwrap().team.to_string(), "team-local000platform");
    }
}
