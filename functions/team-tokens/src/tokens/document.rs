//! The token object in requests and in answers.

use serde::{Deserialize, Serialize};
use terrapi::auth::TeamSecret;
use terrapi::domain::organization::{
    Creator, Description, OrganizationCode, TeamToken, TeamTokenId, TokenHolder, user_number,
};
use terrapi::domain::{Millis, Result};
use terrapi::runtime::App;
use terrapi::store::OrganizationSnapshot;
use utoipa::ToSchema;

use crate::jsonapi::{Identifier, Resource, ToOne};
use crate::principal::Principal;

/// The types that clients send when they create a token. Different clients send different ones.
pub const TYPES: &[&str] = &["authentication-token", "authentication-tokens"];
/// The pointer to a token's expiry in a payload.
pub const EXPIRED_AT: &str = "/data/attributes/expired-at";

/// A token to create. Every member is optional.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"data": {"type": "authentication-token", "attributes": {"expired-at": "2027-04-06T12:00:00.000Z"}}}))]
#[expect(dead_code, reason = "a description: handlers take Payload")]
pub struct NewToken {
    data: Option<NewTokenData>,
}

/// The token to create.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "a description: handlers take Payload")]
pub struct NewTokenData {
    /// `authentication-token` or `authentication-tokens`. May be absent.
    r#type: Option<String>,
    attributes: Option<NewTokenAttributes>,
}

/// The attributes of a token to create.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "a description: handlers take Payload")]
pub struct NewTokenAttributes {
    /// When the token expires, as ISO 8601; in UTC if it has no zone. Absent: never. It may be in the past.
    #[schema(format = DateTime)]
    expired_at: Option<String>,
    /// The purpose of a described token: up to 255 characters, different from those of the team's other tokens. Ignored
    /// for other tokens.
    #[schema(max_length = 255)]
    description: Option<String>,
}

/// A new token with the caller as creator, and its secret. Does not store it.
pub async fn new_token(
    app: &App,
    caller: &Principal,
    (organization, holder): (OrganizationCode, TokenHolder),
    description: Option<Description>,
    expired_at: Option<Millis>,
) -> Result<(TeamToken, TeamSecret)> {
    let secret = TeamSecret::new(TeamTokenId::new(organization, app.random.bytes()?), app.random.bytes()?);
    let token = TeamToken {
        id: secret.id(),
        holder,
        description,
        secret_hash: secret.hash(),
        created_at: app.clock.now(),
        expired_at,
        last_used_at: None,
        created_by: caller.creator(app).await?,
    };
    Ok((token, secret))
}

/// A token.
#[derive(Debug, Serialize, ToSchema)]
#[serde(transparent)]
pub struct TokenResource(Resource<TokenAttributes, TokenRelationships>);

/// The attributes of a token.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(example = json!({"created-at": "2026-01-31T09:05:07.250Z", "last-used-at": null, "description": "deploy pipeline",
    "token": null, "expired-at": "2027-01-31T09:05:07.000Z"}))]
pub struct TokenAttributes {
    /// When it was created.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was last used, accurate to a minute. Null if it was never used.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
    /// Its purpose. Null for a legacy token.
    description: Option<String>,
    /// The secret. Null except in the answer that creates the token.
    token: Option<String>,
    /// When it expires. Null: never.
    #[schema(format = DateTime)]
    expired_at: Option<String>,
}

/// The relationships of a token.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct TokenRelationships {
    /// Its team. Absent for an organization's token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    team: Option<ToOne>,
    /// The user, team or organization that created it. Null if that no longer exists.
    created_by: ToOne,
}

/// The resource object of a token.
pub fn resource(token: &TeamToken, secret: Option<&TeamSecret>, created_by: Option<Identifier>) -> TokenResource {
    let attributes = TokenAttributes {
        created_at: token.created_at.rfc3339(),
        last_used_at: token.last_used_at.map(Millis::rfc3339),
        description: token.description.as_ref().map(ToString::to_string),
        token: secret.map(TeamSecret::reveal),
        expired_at: token.expired_at.map(Millis::rfc3339),
    };
    let team = match token.holder {
        TokenHolder::Team(team) => Some(Identifier::new("teams", &team).into()),
        TokenHolder::Organization => None,
    };
    let relationships = TokenRelationships { team, created_by: ToOne { data: created_by } };
    let id = token.id.to_string();
    TokenResource(Resource { id, r#type: "authentication-tokens", attributes, relationships, links: None })
}

/// The creator of a token, if it still exists. Costs one read if the creator is neither a person nor the caller.
pub async fn creator(token: &TeamToken, caller: &Principal, app: &App) -> Result<Option<Identifier>> {
    Ok(match &token.created_by {
        Creator::User(user, _) => Some(Identifier::new("users", &format!("user-{}", user_number(*user)))),
        Creator::Team(id) => caller.find_team(*id, app).await?.map(|team| Identifier::new("teams", &team.id)),
        Creator::Organization(id) => {
            let found = caller.find_organization(id.organization(), app).await?;
            found.map(|organization| Identifier::new("organizations", &organization.name))
        }
    })
}

/// The creator of a token with its name, from a snapshot of the organization.
pub fn creator_among(token: &TeamToken, snapshot: &OrganizationSnapshot) -> Option<(Identifier, String)> {
    match &token.created_by {
        Creator::User(user, name) => {
            Some((Identifier::new("users", &format!("user-{}", user_number(*user))), name.clone()))
        }
        Creator::Team(id) => snapshot.team(*id).map(|team| (Identifier::new("teams", id), team.name.to_string())),
        Creator::Organization(_) => {
            let name = &snapshot.organization.name;
            Some((Identifier::new("organizations", name), name.to_string()))
        }
    }
}
