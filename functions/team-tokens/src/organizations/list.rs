//! Lists organizations.

use axum::extract::State;
use terrapi::http::Origin;
use terrapi::runtime::App;

use super::document::{OrganizationResource, resource};
use crate::jsonapi::{Answer, ErrorDocument, ListDocument, MEDIA_TYPE, Page, PageParams, Parameters, Problem};
use crate::principal::{Principal, Who};

/// The parameters that choose organizations.
const SEARCHES: [&str; 3] = ["q", "q[name]", "q[email]"];

/// List the caller's organizations
///
/// Ordered by name. Without a page parameter, the answer lists all of them.
#[utoipa::path(get, path = "/api/v2/organizations", tag = "organizations",
    security(("team_token" = []), ("bearer" = [])), params(PageParams,
        ("q" = Option<String>, Query, description = "Lists only organizations whose name or email address contains this text, ignoring case."),
        ("q[name]" = Option<String>, Query, description = "Lists only organizations whose name contains this text, ignoring case."),
        ("q[email]" = Option<String>, Query, description = "Lists only organizations whose email address contains this text, ignoring case.")),
    responses((status = 200, body = ListDocument<OrganizationResource>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn list_organizations(
    State(app): State<App>,
    caller: Principal,
    origin: Origin,
    parameters: Parameters,
) -> Result<Answer<ListDocument<OrganizationResource>>, Problem> {
    let codes = match (&caller.who, caller.organization()) {
        (Who::Person(person), _) => app.store.list_organizations_of(person.user).await?.into_iter().collect(),
        (_, own) => own.into_iter().collect::<Vec<_>>(),
    };
    let mut found = Vec::new();
    for code in codes {
        let Some(snapshot) = app.store.find_organization_snapshot(code).await? else { continue };
        if let Some(role) = caller.role_among(&snapshot, &app).await? {
            found.push(resource(&snapshot.organization, &role));
        }
    }
    let [q, name, email] = SEARCHES.map(|search| parameters.text(search).unwrap_or_default().to_lowercase());
    found.retain(|organization| organization.matches(&name, &email, &q));
    found.sort_by(|one, other| one.name().cmp(other.name()));
    let page = if parameters.ask_for_a_page() { Page::of(&parameters) } else { Page::whole(found.len()) };
    let (count, data) = page.cut(found);
    Ok(Answer::ok(page.document(&origin, &parameters, &SEARCHES, (count, data))))
}
