//! Lists an organization's teams.

use axum::extract::State;
use terrapi::domain::organization::{Organization, Team};
use terrapi::http::Origin;
use terrapi::runtime::App;

use super::document::{TeamResource, resource};
use crate::jsonapi::{Answer, ErrorDocument, ListDocument, MEDIA_TYPE, Page, PageParams, Parameters, Problem};
use crate::lookup::Visible;
use crate::members::document::{Compound, IncludeParams, asks_for, included};
use crate::members::{MEMBERSHIPS, USERS, members};

/// List the teams of an organization
///
/// Lists the teams that the caller may see, ordered by name.
#[utoipa::path(get, path = "/api/v2/organizations/{organization_name}/teams", tag = "organizations",
    security(("team_token" = []), ("bearer" = [])), params(PageParams,
        ("q" = Option<String>, Query, description = "Lists only teams whose name contains this text, ignoring case."),
        ("filter[names]" = Option<String>, Query, description = "Lists only teams with exactly these names, separated by commas or in repeated parameters."), IncludeParams),
    responses((status = 200, body = Compound<ListDocument<TeamResource>>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn list_teams(
    State(app): State<App>,
    Visible { found: snapshot, role, .. }: Visible<Organization>,
    origin: Origin,
    parameters: Parameters,
) -> Result<Answer<Compound<ListDocument<TeamResource>>>, Problem> {
    let wanted = parameters.text("q").unwrap_or_default().to_lowercase();
    let names: Vec<_> = ["filter[names]", "filter[names][]"]
        .into_iter()
        .flat_map(|name| parameters.all(name))
        .flat_map(|names| names.split(','))
        .filter(|name| !name.is_empty())
        .collect();
    let shown = |team: &&Team| {
        let name = team.name.as_str();
        role.sees(team) && name.to_lowercase().contains(&wanted) && (names.is_empty() || names.contains(&name))
    };
    let mut teams: Vec<_> = snapshot.teams.iter().filter(shown).collect();
    teams.sort_by(|one, other| (&one.name, one.id).cmp(&(&other.name, other.id)));
    let page = Page::of(&parameters);
    let (count, teams) = page.cut(teams);
    let organization = &snapshot.organization;
    let members = if asks_for(&parameters, USERS) || asks_for(&parameters, MEMBERSHIPS) {
        members(&app, organization, teams.iter().copied(), &role).await?
    } else {
        Vec::new()
    };
    let included = included(&members, organization, &role, &parameters);
    let name = &organization.name;
    let data = teams.into_iter().map(|team| resource(team, name, &role)).collect();
    let repeated = ["q", "filter[names]", "filter[names][]", "include"];
    let document = page.document(&origin, &parameters, &repeated, (count, data));
    Ok(Answer::ok(Compound { document, included }))
}
