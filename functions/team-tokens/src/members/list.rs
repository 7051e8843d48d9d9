//! Lists memberships.

use axum::extract::State;
use terrapi::domain::organization::{Organization, Role, Team};
use terrapi::http::Origin;
use terrapi::runtime::App;

use super::document::{Compound, IncludeParams, Included, MembershipResource, asks_for, membership, user};
use super::{Member, members, members_of};
use crate::jsonapi::{Answer, ErrorDocument, ListDocument, MEDIA_TYPE, Page, PageParams, Parameters, Problem};
use crate::lookup::Visible;

/// The filters of a list of memberships.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description: handlers take Parameters")]
pub struct MembershipListParams {
    /// Lists only people whose login or email address contains this text, ignoring case.
    q: Option<String>,
    /// Lists only people with exactly these email addresses, separated by commas or in repeated parameters.
    #[param(rename = "filter[email]")]
    email: Option<String>,
    /// `active` lists all members; any other value lists none.
    #[param(rename = "filter[status]")]
    status: Option<String>,
    /// `true` lists none, because all members are people.
    #[param(rename = "filter[is_service_account]")]
    is_service_account: Option<bool>,
}

type Listed = Answer<Compound<ListDocument<MembershipResource>>>;

/// List the members of an organization
///
/// Lists the people in those of its teams that the caller may see, ordered by login.
#[utoipa::path(get, path = "/api/v2/organizations/{organization_name}/organization-memberships", tag = "organizations",
    security(("team_token" = []), ("bearer" = [])),
    params(PageParams, MembershipListParams, IncludeParams),
    responses((status = 200, body = Compound<ListDocument<MembershipResource>>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn list_organization_memberships(
    State(app): State<App>,
    Visible { found: snapshot, role, .. }: Visible<Organization>,
    origin: Origin,
    parameters: Parameters,
) -> Result<Listed, Problem> {
    let members = members_of(&app, &snapshot, &role).await?;
    Ok(listed(members, &snapshot.organization, &role, &origin, &parameters))
}

/// List the members of a team
///
/// Ordered by login.
#[utoipa::path(get, path = "/api/v2/teams/{team_id}/relationships/organization-memberships", tag = "organizations",
    security(("team_token" = []), ("bearer" = [])), params(PageParams, MembershipListParams, IncludeParams),
    responses((status = 200, body = Compound<ListDocument<MembershipResource>>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn list_memberships_of_team(
    State(app): State<App>,
    team: Visible<Team>,
    origin: Origin,
    parameters: Parameters,
) -> Result<Listed, Problem> {
    let organization = team.organization(&app).await?;
    let members = members(&app, &organization, [&team.found], &team.role).await?;
    Ok(listed(members, &organization, &team.role, &origin, &parameters))
}

fn listed(
    mut members: Vec<Member>,
    organization: &Organization,
    role: &Role,
    origin: &Origin,
    parameters: &Parameters,
) -> Listed {
    let wanted = parameters.text("q").unwrap_or_default().to_lowercase();
    let emails: Vec<_> = parameters.all("filter[email]").flat_map(|emails| emails.split(',')).collect();
    let service = parameters.text("filter[is_service_account]").unwrap_or_default();
    let status = parameters.text("filter[status]").unwrap_or_default();
    members.retain(|member| {
        let email = member.profile.as_ref().and_then(|profile| profile.email.as_deref()).filter(|_| role.manages());
        let email = email.unwrap_or_default();
        let named = member.username().to_lowercase().contains(&wanted) || email.to_lowercase().contains(&wanted);
        named && matches!(status, "" | "active") && service != "true" && (emails.is_empty() || emails.contains(&email))
    });
    let page = Page::of(parameters);
    let (count, members) = page.cut(members);
    let asked = asks_for(parameters, "user");
    let included = asked.then(|| members.iter().map(|member| Included::User(user(member, role))).collect());
    let data = members.iter().map(|member| membership(member, organization, role)).collect();
    let repeated = ["q", "filter[email]", "filter[status]", "filter[is_service_account]", "include"];
    let document = page.document(origin, parameters, &repeated, (count, data));
    Answer::ok(Compound { document, included })
}
