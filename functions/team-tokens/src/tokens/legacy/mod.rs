//! The one token of a team or organization that has no description.

pub mod of_organization;
pub mod of_team;

use http::StatusCode;
use terrapi::auth::TeamSecret;
use terrapi::domain::AuditAction;
use terrapi::domain::organization::{Organization, Team, TeamToken, TeamTokenId, TokenHolder};
use terrapi::http::NoStore;
use terrapi::runtime::App;
use terrapi::store::{OrganizationSnapshot, Written};

use super::document::{EXPIRED_AT, TYPES, TokenResource, creator, new_token, resource};
use crate::jsonapi::{Answer, Document, Payload, Problem};
use crate::lookup::{Granted, Needs, Resource};

type Shown = Answer<Document<TokenResource>>;
type Created = NoStore<Shown>;

/// A resource that has a legacy token.
trait Holds: Resource {
    fn holder(found: &Self::Found) -> TokenHolder;
    /// The current token.
    fn token(found: &Self::Found) -> Option<TeamTokenId>;
}

impl Holds for Team {
    fn holder(team: &Self) -> TokenHolder {
        TokenHolder::Team(team.id)
    }

    fn token(team: &Self) -> Option<TeamTokenId> {
        team.token
    }
}

impl Holds for Organization {
    fn holder(_: &OrganizationSnapshot) -> TokenHolder {
        TokenHolder::Organization
    }

    fn token(snapshot: &OrganizationSnapshot) -> Option<TeamTokenId> {
        snapshot.organization.token
    }
}

/// Creates a token as the payload describes it. It replaces the current one.
async fn replace<R: Holds, N: Needs<R>>(
    app: &App,
    mut granted: Granted<R, N>,
    payload: Payload,
) -> Result<Created, Problem> {
    let expired_at = payload.attributes(TYPES)?.instant(EXPIRED_AT)?;
    let holder = (R::organization(&granted.found), R::holder(&granted.found));
    let (token, secret) = new_token(app, &granted.caller, holder, None, expired_at).await?;
    let replaced = loop {
        let decision = granted.decision(Vec::new(), app)?;
        let old = R::token(&granted.found);
        let (written, replaced) = app.store.replace_legacy_token(&token, old, &decision).await?;
        if written == Written::Done {
            break replaced;
        }
        granted.read_again(app).await?;
    };
    let action = if replaced.is_some() { AuditAction::TeamTokenReplaced } else { AuditAction::TeamTokenCreated };
    granted.caller.audit(action, &token, app);
    Ok(NoStore(Answer::created(document(app, &granted, &token, Some(&secret)).await?)))
}

async fn show<R: Holds, N: Needs<R>>(app: &App, granted: Granted<R, N>) -> Result<Shown, Problem> {
    let token = find(app, &granted).await?;
    Ok(Answer::ok(document(app, &granted, &token, None).await?))
}

async fn delete<R: Holds, N: Needs<R>>(app: &App, mut granted: Granted<R, N>) -> Result<StatusCode, Problem> {
    loop {
        let token = find(app, &granted).await?;
        let decision = granted.decision(Vec::new(), app)?;
        if app.store.delete_team_token(&token, &decision).await? == Written::Done {
            granted.caller.audit(AuditAction::TeamTokenDeleted, &token, app);
            return Ok(StatusCode::NO_CONTENT);
        }
        granted.read_again(app).await?;
    }
}

async fn find<R: Holds, N: Needs<R>>(app: &App, granted: &Granted<R, N>) -> Result<TeamToken, Problem> {
    let id = R::token(&granted.found).ok_or_else(Problem::not_found)?;
    app.store.find_team_token(id).await?.ok_or_else(Problem::not_found)
}

async fn document<R: Holds, N: Needs<R>>(
    app: &App,
    granted: &Granted<R, N>,
    token: &TeamToken,
    secret: Option<&TeamSecret>,
) -> Result<Document<TokenResource>, Problem> {
    let created_by = creator(token, &granted.caller, app).await?;
    Ok(Document { data: resource(token, secret, created_by) })
}
