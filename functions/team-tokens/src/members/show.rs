//! Shows a membership.

use axum::extract::State;
use terrapi::domain::organization::organization_of_membership;
use terrapi::runtime::App;

use super::document::{Compound, IncludeParams, Included, MembershipResource, asks_for, membership, user};
use super::members_of;
use crate::jsonapi::{Answer, Document, ErrorDocument, MEDIA_TYPE, Parameters, Problem};
use crate::lookup::{Named, seen};
use crate::principal::Principal;

/// Show a membership
#[utoipa::path(get, path = "/api/v2/organization-memberships/{membership_id}", tag = "organizations",
    security(("team_token" = []), ("bearer" = [])), params(IncludeParams),
    responses((status = 200, body = Compound<Document<MembershipResource>>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn show_membership(
    State(app): State<App>,
    caller: Principal,
    Named(id): Named,
    parameters: Parameters,
) -> Result<Answer<Compound<Document<MembershipResource>>>, Problem> {
    let code = organization_of_membership(&id).ok_or_else(Problem::not_found)?;
    if caller.organization().is_some_and(|own| own != code) {
        return Err(Problem::not_found());
    }
    let (snapshot, role) = seen(app.store.find_organization_snapshot(code).await?, &caller, &app).await?;
    let members = members_of(&app, &snapshot, &role).await?;
    let member =
        members.iter().find(|member| member.id(&snapshot.organization) == id).ok_or_else(Problem::not_found)?;
    let included = asks_for(&parameters, "user").then(|| vec![Included::User(user(member, &role))]);
    let document = Document { data: membership(member, &snapshot.organization, &role) };
    Ok(Answer::ok(Compound { document, included }))
}
