//! The items of organizations, teams and tokens.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;

use super::super::item::{self, Attributes, Item, b, json, n, s, ss};
use super::super::keys;
use crate::domain::organization::{
    Creator, Description, Email, ExecutionMode, Organization, OrganizationAccess, OrganizationCode, OrganizationId,
    OrganizationName, OrganizationSettings, Team, TeamId, TeamName, TeamToken, TeamTokenId, TokenHolder,
};
use crate::domain::{Error, Millis, Result, UserId};

/// The attribute that holds all access flags of a team. Teams that were written before each flag had its own attribute
/// have it.
pub const ACCESS: &str = "access";
/// The prefix of the attributes of access flags.
pub const ACCESS_FLAG: &str = "access_";
/// The prefix of the attributes of an organization's settings.
pub const SETTING: &str = "setting_";
/// The attribute of an organization's execution mode.
pub const EXECUTION_MODE: &str = "execution_mode";

pub fn key(organization: OrganizationCode, sort_key: impl Into<String>) -> Item {
    item::key(keys::organization(organization), sort_key)
}

pub fn name_key(name: &OrganizationName) -> Item {
    item::key(keys::organization_name(name), keys::ORGANIZATION)
}

pub fn of_user_key(user: UserId, team: TeamId) -> Item {
    item::key(keys::user(user), keys::team(team))
}

/// A row without further attributes: its existence is the information.
pub fn marker(key: Item, entity: &str) -> Item {
    item::entity(key, entity, [])
}

pub fn name_row(organization: &Organization) -> Item {
    let id = [("id", s(organization.id.to_string()))];
    item::entity(name_key(&organization.name), "organization-name", id)
}

pub fn organization_row(organization: &Organization) -> Result<Item> {
    let attributes = [
        ("id", s(organization.id.to_string())),
        ("name", s(organization.name.as_str())),
        ("email", s(organization.email.as_str())),
        ("namespace", json(&organization.namespace)?),
        ("created_at", n(organization.created_at.0)),
        (EXECUTION_MODE, json(&organization.execution_mode)?),
    ];
    let key = key(organization.id.organization(), keys::ORGANIZATION);
    let mut item = item::entity(key, "organization", attributes);
    item.extend(flags(SETTING, organization.settings.each()));
    Ok(item)
}

pub fn organization(item: &Item) -> Result<Organization> {
    let text = |name| item.text(name);
    Ok(Organization {
        id: OrganizationId::parse(text("id")?).ok_or_else(damaged)?,
        name: OrganizationName::new(text("name")?).ok_or_else(damaged)?,
        email: Email::new(text("email")?).ok_or_else(damaged)?,
        namespace: item.parsed("namespace")?,
        created_at: Millis(item.number("created_at")?),
        token: token_of(item)?,
        settings: OrganizationSettings::read(|name| find_flag(item, SETTING, name), OrganizationSettings::default()),
        execution_mode: match item.find_text(EXECUTION_MODE) {
            Some(_) => item.parsed(EXECUTION_MODE)?,
            None => ExecutionMode::default(),
        },
    })
}

pub fn team_row(team: &Team) -> Result<Item> {
    let attributes = [
        ("name", s(team.name.as_str())),
        ("owners", AttributeValue::Bool(team.owners)),
        ("visibility", json(&team.visibility)?),
        ("token_management", AttributeValue::Bool(team.allow_member_token_management)),
        ("capabilities", json(&team.capabilities)?),
        ("created_at", n(team.created_at.0)),
    ];
    let mut item = item::entity(key(team.id.organization(), keys::team(team.id)), "team", attributes);
    item.extend(flags(ACCESS_FLAG, team.access.each()));
    item.extend((!team.users.is_empty()).then(|| ("users".into(), ss(&team.users))));
    Ok(item)
}

pub fn team(item: &Item) -> Result<Team> {
    let digits = item.text(keys::SK)?.strip_prefix(keys::TEAMS);
    let id = digits.and_then(TeamId::of_digits).ok_or_else(damaged)?;
    let users = item.find_texts("users").unwrap_or_default().iter().map(|user| UserId::parse(user).ok_or_else(damaged));
    let former = match item.find_text(ACCESS) {
        Some(_) => item.parsed(ACCESS)?,
        None => OrganizationAccess::default(),
    };
    Ok(Team {
        id,
        name: TeamName::new(item.text("name")?).ok_or_else(damaged)?,
        owners: flag(item, "owners")?,
        visibility: item.parsed("visibility")?,
        allow_member_token_management: flag(item, "token_management")?,
        access: OrganizationAccess::read(|name| find_flag(item, ACCESS_FLAG, name), former),
        capabilities: item.parsed("capabilities")?,
        users: users.collect::<Result<BTreeSet<_>>>()?,
        created_at: Millis(item.number("created_at")?),
        token: token_of(item)?,
    })
}

pub fn token_row(token: &TeamToken) -> Item {
    let (kind, creator, name) = match &token.created_by {
        Creator::User(id, name) => ("user", id.to_string(), Some(name)),
        Creator::Team(id) => ("team", id.to_string(), None),
        Creator::Organization(id) => ("organization", id.to_string(), None),
    };
    let attributes = [
        ("secret_hash", b(token.secret_hash)),
        ("created_at", n(token.created_at.0)),
        ("creator_kind", s(kind)),
        ("creator", s(creator)),
    ];
    let key = key(token.id.organization(), keys::team_token(token.id));
    let mut item = item::entity(key, "team-token", attributes);
    let team = match token.holder {
        TokenHolder::Organization => None,
        TokenHolder::Team(team) => Some(("team".into(), s(team.to_string()))),
    };
    item.extend(team);
    item.extend(name.map(|name| ("creator_name".into(), s(name))));
    item.extend(token.description.as_ref().map(|text| ("description".into(), s(text.as_str()))));
    item.extend(token.expired_at.map(|end| ("expired_at".into(), n(end.0))));
    item
}

pub fn team_token(item: &Item) -> Result<TeamToken> {
    let digits = item.text(keys::SK)?.strip_prefix(keys::TOKENS);
    let id = digits.and_then(TeamTokenId::of_digits).ok_or_else(damaged)?;
    let hash = item
        .bytes("secret_hash")?
        .try_into()
        .map_err(|_| Error::corrupt_item("a token's hash has the wrong length"))?;
    let team = item.find_text("team").map(|team| TeamId::parse(team).ok_or_else(damaged)).transpose()?;
    Ok(TeamToken {
        id,
        holder: team.map_or(TokenHolder::Organization, TokenHolder::Team),
        description: item
            .find_text("description")
            .map(|text| Description::new(text).ok_or_else(damaged))
            .transpose()?,
        secret_hash: hash,
        created_at: Millis(item.number("created_at")?),
        expired_at: item.find_number("expired_at").map(Millis),
        last_used_at: item.find_number("last_used_at").map(Millis),
        created_by: creator(item)?,
    })
}

fn creator(item: &Item) -> Result<Creator> {
    let id = item.text("creator")?;
    let creator = match item.text("creator_kind")? {
        "user" => {
            let name = item.text("creator_name")?.to_owned();
            UserId::parse(id).map(|id| Creator::User(id, name))
        }
        "team" => TeamId::parse(id).map(Creator::Team),
        "organization" => OrganizationId::parse(id).map(Creator::Organization),
        _ => None,
    };
    creator.ok_or_else(damaged)
}

fn token_of(item: &Item) -> Result<Option<TeamTokenId>> {
    item.find_text("token").map(|id| TeamTokenId::parse(id).ok_or_else(damaged)).transpose()
}

fn flag(item: &Item, name: &str) -> Result<bool> {
    find_flag(item, "", name).ok_or(Error::corrupt_item("an item lacks a boolean attribute"))
}

fn find_flag(item: &Item, prefix: &str, name: &str) -> Option<bool> {
    item.get(&format!("{prefix}{name}"))?.as_bool().ok().copied()
}

fn flags(prefix: &str, flags: Vec<(&'static str, bool)>) -> impl Iterator<Item = (String, AttributeValue)> {
    flags.into_iter().map(move |(name, value)| (format!("{prefix}{name}"), AttributeValue::Bool(value)))
}

pub fn damaged() -> Error {
    Error::corrupt_item("a row of an organization is malformed")
}
