//! The first organization: `local`, owned by the administrator, with one team that may use the KV store.

use std::collections::BTreeSet;

use terrapi::{
    auth::TeamSecret,
    domain::{
        Capability, Error, InstallationId, Namespace, Result, UserId, Vcs,
        organization::{
            Creator, Email, Organization, OrganizationAccess, OrganizationId, OrganizationName, Team, TeamId, TeamName,
            TeamToken, TeamTokenId, TokenHolder, Visibility,
        },
    },
    runtime::{Clock, Random, SystemClock},
    store::Store,
};

/// Its name.
pub const NAME: &str = "local";
/// The id of its team.
pub const TEAM: &str = "team-local000platform";
const ID: &str = "org-local000local000";
const OWNERS: &str = "team-local000owners00";
const TOKEN: &str = "at-local000organize";

/// A new text of the organization's token.
pub fn new_token(random: &Random) -> Result<String> {
    let id = TeamTokenId::parse(TOKEN).ok_or_else(damaged)?;
    Ok(TeamSecret::new(id, random.bytes()?).reveal())
}

/// Writes what is missing of the organization, its teams and its token.
pub async fn seed(store: &Store, token: &str, owner: UserId, installation: u64) -> Result<()> {
    let organization = Organization {
        id: OrganizationId::parse(ID).ok_or_else(damaged)?,
        name: OrganizationName::new(NAME).ok_or_else(damaged)?,
        email: Email::new("local-admin@localhost").ok_or_else(damaged)?,
        namespace: Namespace { vcs: Vcs::Github, installation: InstallationId::new(installation) },
        created_at: SystemClock.now(),
        token: None,
    };
    let owners = Team {
        owners: true,
        access: OrganizationAccess { manage_teams: true, manage_workspaces: true },
        users: BTreeSet::from([owner]),
        ..team(OWNERS, TeamName::OWNERS, &[])?
    };
    let found = store.find_organization(organization.id.organization()).await?;
    if found.is_none() {
        store.create_organization(&organization, &owners).await?;
    }
    let may = [
        Capability::KvStoreRead,
        Capability::KvStoreWrite,
        Capability::InstallationId(organization.namespace.installation.to_string()),
    ];
    let platform = team(TEAM, "platform", &may)?;
    if store.find_team(platform.id).await?.is_none() {
        store.create_team(&platform, organization.namespace).await?;
    }
    let secret = TeamSecret::parse(token).ok_or_else(damaged)?;
    if store.find_team_token(secret.id()).await?.is_none() {
        let old = found.and_then(|organization| organization.token);
        store.replace_legacy_token(&row(&secret, owner), old).await?;
    }
    Ok(())
}

fn team(id: &str, name: &str, capabilities: &[Capability]) -> Result<Team> {
    Ok(Team {
        id: TeamId::parse(id).ok_or_else(damaged)?,
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

fn damaged() -> Error {
    Error::corrupt("the local organization is damaged")
}
