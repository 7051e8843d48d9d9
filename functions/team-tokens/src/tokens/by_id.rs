//! Shows and deletes a token by its id.

use axum::extract::State;
use http::StatusCode;
use terrapi::domain::AuditAction;
use terrapi::domain::organization::{Authority, OrganizationCode, Role, Team, TeamToken, TeamTokenId, TokenHolder};
use terrapi::runtime::App;
use terrapi::store::Written;

use super::document::{TokenResource, creator, resource};
use crate::jsonapi::{Answer, Document, ErrorDocument, MEDIA_TYPE, Problem};
use crate::lookup::{Granted, ManagesTokens, Needs, Resource, Visible};
use crate::principal::Principal;

/// A token, with its team if it belongs to one.
pub struct HeldToken {
    pub token: TeamToken,
    team: Option<Team>,
}

impl HeldToken {
    /// The facts that give the caller the right to manage the token. `None` if the caller does not have it. The rights
    /// to a team's token are those of the team; an organization's token is managed by its owners.
    pub fn manager(&self, role: &Role) -> Option<Authority> {
        match self.token.holder {
            TokenHolder::Organization => role.owner(),
            TokenHolder::Team(_) => self.team.as_ref().and_then(|team| role.token_manager(team)),
        }
    }
}

/// A token may be seen by callers who manage it, and by itself. Costs at most two reads in addition to those for the
/// role, and none for the caller's own token.
impl Resource for TeamToken {
    type Found = HeldToken;

    async fn find(id: &str, caller: &Principal, app: &App) -> Result<(HeldToken, Role), Problem> {
        let id = TeamTokenId::parse(id).ok_or_else(Problem::not_found)?;
        let role = caller.role_in(id.organization(), app).await?.ok_or_else(Problem::not_found)?;
        let own = caller.token().filter(|own| own.id == id);
        let token = match own {
            Some(own) => own.clone(),
            None => app.store.find_team_token(id).await?.ok_or_else(Problem::not_found)?,
        };
        let team = match token.holder {
            TokenHolder::Team(team) => caller.find_team(team, app).await?,
            TokenHolder::Organization => None,
        };
        let held = HeldToken { token, team };
        if own.is_none() && held.manager(&role).is_none() {
            return Err(Problem::not_found());
        }
        Ok((held, role))
    }

    fn organization(found: &HeldToken) -> OrganizationCode {
        found.token.id.organization()
    }
}

impl Needs<TeamToken> for ManagesTokens {
    fn authority(role: &Role, held: &HeldToken) -> Option<Authority> {
        held.manager(role)
    }
}

/// Show a token
///
/// A token may always show itself.
#[utoipa::path(get, path = "/api/v2/authentication-tokens/{token_id}", tag = "team tokens",
    security(("team_token" = []), ("bearer" = [])),
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
/// The token stops working at once.
#[utoipa::path(delete, path = "/api/v2/authentication-tokens/{token_id}", tag = "team tokens",
    security(("team_token" = []), ("bearer" = [])),
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
        held.read_again(&app).await?;
    }
}
