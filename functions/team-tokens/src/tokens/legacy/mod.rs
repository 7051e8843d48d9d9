//! The one token of a team, or of an organization, that goes without a description.

pub mod of_organization;
pub mod of_team;

use terrapi::auth::TeamSecret;
use terrapi::domain::AuditAction;
use terrapi::domain::organization::{Authority, OrganizationCode, TeamToken, TeamTokenId, TokenHolder};
use terrapi::http::NoStore;
use terrapi::runtime::App;
use terrapi::store::Written;

use super::document::{TokenResource, creator, resource};
use super::mint::new_token;
use super::{EXPIRED_AT, TYPES};
use crate::jsonapi::{Answer, Document, Payload, Problem};
use crate::principal::Principal;

type Shown = Answer<Document<TokenResource>>;
type Created = NoStore<Shown>;

/// A fresh token of a holder, as the payload wants it. Nothing is stored yet.
async fn new(
    app: &App,
    caller: &Principal,
    organization: OrganizationCode,
    holder: TokenHolder,
    payload: Payload,
) -> Result<(TeamToken, TeamSecret), Problem> {
    let expired_at = payload.attributes(TYPES)?.instant(EXPIRED_AT)?;
    Ok(new_token(app, caller, organization, holder, None, expired_at).await?)
}

/// Puts a token in place of `old`, as last seen. `false`: the right to it must be decided on again.
async fn replace(
    app: &App,
    caller: &Principal,
    token: &TeamToken,
    old: Option<TeamTokenId>,
    authority: Authority,
) -> Result<bool, Problem> {
    let decision = caller.decision(authority, Vec::new(), app)?;
    let (written, replaced) = app.store.replace_legacy_token(token, old, &decision).await?;
    if written != Written::Done {
        return Ok(false);
    }
    let action = if replaced.is_some() { AuditAction::TeamTokenReplaced } else { AuditAction::TeamTokenCreated };
    caller.audit(action, token, app);
    Ok(true)
}

async fn created(app: &App, caller: &Principal, token: &TeamToken, secret: &TeamSecret) -> Result<Created, Problem> {
    let created_by = creator(token, caller, app).await?;
    Ok(NoStore(Answer::created(Document { data: resource(token, Some(secret), created_by) })))
}

async fn show(app: &App, caller: &Principal, id: Option<TeamTokenId>) -> Result<Shown, Problem> {
    let token = find(app, id).await?;
    let created_by = creator(&token, caller, app).await?;
    Ok(Answer::ok(Document { data: resource(&token, None, created_by) }))
}

/// Takes a token away. `false`: the right to it must be decided on again.
async fn delete(app: &App, caller: &Principal, id: Option<TeamTokenId>, authority: Authority) -> Result<bool, Problem> {
    let token = find(app, id).await?;
    let decision = caller.decision(authority, Vec::new(), app)?;
    let written = app.store.delete_team_token(&token, &decision).await?;
    if written == Written::Done {
        caller.audit(AuditAction::TeamTokenDeleted, &token, app);
    }
    Ok(written == Written::Done)
}

async fn find(app: &App, id: Option<TeamTokenId>) -> Result<TeamToken, Problem> {
    let id = id.ok_or_else(Problem::not_found)?;
    app.store.find_team_token(id).await?.ok_or_else(Problem::not_found)
}
