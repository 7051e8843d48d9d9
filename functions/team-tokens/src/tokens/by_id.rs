//! Any token, by its own id.

use axum::extract::State;
use http::StatusCode;
use terrapi::domain::AuditAction;
use terrapi::domain::organization::TeamToken;
use terrapi::runtime::App;
use terrapi::store::Written;

use super::document::{TokenResource, creator, resource};
use crate::access::{Granted, ManagesTokens, Visible};
use crate::jsonapi::{Answer, Document, ErrorDocument, MEDIA_TYPE, Problem};
use crate::lookup::{HeldToken, TokenPath};

/// Show a token
///
/// A token may always show itself.
#[utoipa::path(get, path = "/api/v2/authentication-tokens/{token_id}", tag = "team tokens",
    security(("team_token" = []), ("bearer" = [])), params(TokenPath),
    responses((status = 200, body = Document<TokenResource>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn show_token(
    State(app): State<App>,
    Visible { caller, found: HeldToken { token, .. }, .. }: Visible<TeamToken>,
) -> Result<Answer<Document<TokenResource>>, Problem> {
    let created_by = creator(&token, &caller, &app).await?;
    Ok(Answer::ok(Document { data: resource(&token, None, created_by) }))
}

/// Delete a token
///
/// It stops working at that moment.
#[utoipa::path(delete, path = "/api/v2/authentication-tokens/{token_id}", tag = "team tokens",
    security(("team_token" = []), ("bearer" = [])), params(TokenPath),
    responses((status = 204), (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn delete_token(
    State(app): State<App>,
    mut held: Granted<TeamToken, ManagesTokens>,
) -> Result<StatusCode, Problem> {
    loop {
        let token = &held.found.token;
        if app.store.delete_team_token(token, &held.decision(Vec::new(), &app)?).await? == Written::Done {
            held.caller.audit(AuditAction::TeamTokenDeleted, token, &app);
            return Ok(StatusCode::NO_CONTENT);
        }
        held.again(&app).await?;
    }
}
