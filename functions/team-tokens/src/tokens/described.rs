//! Creates tokens of a team with a description.

use axum::extract::State;
use terrapi::domain::AuditAction;
use terrapi::domain::organization::{Description, Team, TokenHolder};
use terrapi::http::NoStore;
use terrapi::runtime::App;
use terrapi::store::Written;

use super::document::{EXPIRED_AT, NewToken, TYPES, TokenResource, creator, new_token, resource};
use crate::jsonapi::{Answer, Document, ErrorDocument, MEDIA_TYPE, Payload, Problem};
use crate::lookup::{Granted, ManagesTokens};

/// Create a described token
///
/// A team may have any number of described tokens, each with a different description. Only this answer contains the
/// secret.
#[utoipa::path(post, path = "/api/v2/teams/{team_id}/authentication-tokens", tag = "team tokens",
    security(("team_token" = []), ("bearer" = [])),
    request_body(content = NewToken, content_type = MEDIA_TYPE),
    responses((status = 201, body = Document<TokenResource>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn create_described_token(
    State(app): State<App>,
    mut team: Granted<Team, ManagesTokens>,
    payload: Payload,
) -> Result<NoStore<Answer<Document<TokenResource>>>, Problem> {
    let attributes = payload.attributes(TYPES)?;
    let problem = "Description is not a text of up to 255 characters";
    let description = attributes.required("/data/attributes/description", Description::new, problem)?;
    let expired_at = attributes.instant(EXPIRED_AT)?;
    let id = team.found.id;
    let holder = (id.organization(), TokenHolder::Team(id));
    let (token, secret) = new_token(&app, &team.caller, holder, Some(description), expired_at).await?;
    loop {
        let decision = team.decision(Vec::new(), &app)?;
        match app.store.create_described_token(&token, id, &decision).await? {
            Written::Done => break,
            Written::Taken => return Err(Problem::description_taken()),
            Written::Outdated => team.read_again(&app).await?,
        }
    }
    team.caller.audit(AuditAction::TeamTokenCreated, &token, &app);
    let created_by = creator(&token, &team.caller, &app).await?;
    Ok(NoStore(Answer::created(Document { data: resource(&token, Some(&secret), created_by) })))
}
