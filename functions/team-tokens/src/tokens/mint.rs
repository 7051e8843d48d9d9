//! New tokens.

use serde::Deserialize;
use terrapi::auth::TeamSecret;
use terrapi::domain::organization::{Description, OrganizationCode, TeamToken, TeamTokenId, TokenHolder};
use terrapi::domain::{Millis, Result};
use terrapi::runtime::App;
use utoipa::ToSchema;

use crate::principal::Principal;

/// A token to create. Every part may be left out.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"data": {"type": "authentication-token", "attributes": {"expired-at": "2027-04-06T12:00:00.000Z"}}}))]
#[expect(dead_code, reason = "a description: handlers take Payload")]
pub struct NewToken {
    data: Option<NewTokenData>,
}

/// The token.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "a description: handlers take Payload")]
pub struct NewTokenData {
    /// `authentication-token` or `authentication-tokens`, or nothing.
    r#type: Option<String>,
    attributes: Option<NewTokenAttributes>,
}

/// What it is to be.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "a description: handlers take Payload")]
pub struct NewTokenAttributes {
    /// When it stops working, as ISO 8601; without a zone in UTC. Never, when it is left out. It may have passed.
    #[schema(format = DateTime)]
    expired_at: Option<String>,
    /// What a described token is for: up to 255 characters, which no other token of the team has. Ignored elsewhere.
    #[schema(max_length = 255)]
    description: Option<String>,
}

/// A fresh token of the caller's making, and its secret. Nothing is stored yet.
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
