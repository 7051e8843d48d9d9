//! The one token of a team, or of an organization, that goes without a description.

pub mod of_organization;
pub mod of_team;

use http::StatusCode;
use terrapi::domain::AuditAction;
use terrapi::domain::organization::{OrganizationCode, TeamToken, TeamTokenId, TokenHolder};
use terrapi::http::NoStore;
use terrapi::runtime::App;

use super::document::{TokenResource, creator, resource};
use super::mint::minted;
use super::{EXPIRED_AT, TYPES};
use crate::jsonapi::{Answer, Document, Payload, Problem};
use crate::principal::Principal;

type Shown = Answer<Document<TokenResource>>;
type Created = NoStore<Shown>;

/// Creates a holder's token in place of `old`, as last seen.
async fn replace(
    app: &App,
    caller: &Principal,
    organization: OrganizationCode,
    (holder, old): (TokenHolder, Option<TeamTokenId>),
    payload: Payload,
) -> Result<Created, Problem> {
    let expired_at = payload.attributes(TYPES)?.instant(EXPIRED_AT)?;
    let (token, secret) = minted(app, caller, organization, holder, None, expired_at).await?;
    let replaced = app.store.replace_legacy_token(&token, old).await?;
    let action = if replaced.is_some() { AuditAction::TeamTokenReplaced } else { AuditAction::TeamTokenCreated };
    caller.audit(action, &token, app);
    let created_by = creator(&token, caller, app).await?;
    Ok(NoStore(Answer::created(Document { data: resource(&token, Some(&secret), created_by) })))
}

async fn show(app: &App, caller: &Principal, id: Option<TeamTokenId>) -> Result<Shown, Problem> {
    let token = find(app, id).await?;
    let created_by = creator(&token, caller, app).await?;
    Ok(Answer::ok(Document { data: resource(&token, None, created_by) }))
}

async fn delete(app: &App, caller: &Principal, id: Option<TeamTokenId>) -> Result<StatusCode, Problem> {
    let token = find(app, id).await?;
    app.store.delete_team_token(&token).await?;
    caller.audit(AuditAction::TeamTokenDeleted, &token, app);
    Ok(StatusCode::NO_CONTENT)
}

async fn find(app: &App, id: Option<TeamTokenId>) -> Result<TeamToken, Problem> {
    let id = id.ok_or_else(Problem::not_found)?;
    app.store.find_team_token(id).await?.ok_or_else(Problem::not_found)
}
