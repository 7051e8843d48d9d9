//! Lists the tokens of an organization's teams.

use axum::extract::State;
use terrapi::domain::organization::{
    ExpiryStatus, ListedToken, OrganizationCode, Role, TeamToken, TokenHolder, TokenOrder,
};
use terrapi::http::Origin;
use terrapi::runtime::App;
use terrapi::store::OrganizationSnapshot;

use super::document::{TokenResource, creator_among, resource};
use crate::jsonapi::{Answer, ErrorDocument, ListDocument, MEDIA_TYPE, Page, PageParams, Parameters, Problem};
use crate::lookup::{Resource, Visible, code_of, seen};
use crate::principal::Principal;

/// An organization with its teams and all tokens.
pub struct WithTokens;

/// Costs the same reads as an organization.
impl Resource for WithTokens {
    type Found = OrganizationSnapshot;

    async fn find(name: &str, caller: &Principal, app: &App) -> Result<(OrganizationSnapshot, Role), Problem> {
        let code = code_of(name, caller, app).await?;
        seen(app.store.find_organization_with_tokens(code).await?, caller, app).await
    }

    fn organization(found: &OrganizationSnapshot) -> OrganizationCode {
        found.organization.id.organization()
    }
}

/// The filters and the order of a list of tokens.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description: handlers take Parameters")]
pub struct TokenListParams {
    /// Lists only tokens of teams whose name contains this text, ignoring case.
    q: Option<String>,
    /// `team-name`, `created-by`, `expired-at` (the default) or `last-used-at`. A `-` before it reverses the order.
    /// Tokens without the value come last.
    #[param(pattern = "^-?(team-name|created-by|expired-at|last-used-at)$")]
    sort: Option<String>,
    /// Lists only tokens with one of these states, separated by commas: `active`, `expiring_in_7_days`,
    /// `expiring_in_30_days`, `expired` and `no_expiration`. `filter[status]` has the same meaning.
    #[param(rename = "filter[expiry_status]")]
    expiry_status: Option<String>,
}

/// List the tokens of an organization's teams
///
/// Lists the tokens that the caller may manage, including expired ones. A change that was answered before the request
/// is included.
#[utoipa::path(get, path = "/api/v2/organizations/{organization_name}/team-tokens", tag = "team tokens",
    security(("team_token" = []), ("bearer" = [])), params(PageParams, TokenListParams),
    responses((status = 200, body = ListDocument<TokenResource>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn list_team_tokens(
    State(app): State<App>,
    Visible { found: snapshot, role, .. }: Visible<WithTokens>,
    origin: Origin,
    parameters: Parameters,
) -> Result<Answer<ListDocument<TokenResource>>, Problem> {
    let order = order(&parameters)?;
    let statuses = statuses(&parameters)?;
    let now = app.clock.now();
    let wanted = parameters.text("q").unwrap_or_default().to_lowercase();
    let listed = |token: &TeamToken| {
        let TokenHolder::Team(team) = token.holder else { return None };
        if !statuses.is_empty() && !statuses.iter().any(|status| status.holds(token, now)) {
            return None;
        }
        let team = snapshot.team(team).filter(|team| role.manages_tokens_of(team))?;
        let team_name = team.name.as_str().to_lowercase();
        let creator_name = creator_among(token, &snapshot).map(|(_, name)| name.to_lowercase());
        team_name.contains(&wanted).then(|| ListedToken { token: token.clone(), team_name, creator_name })
    };
    let mut rows: Vec<_> = snapshot.tokens.iter().filter_map(listed).collect();
    order.sort(&mut rows);
    let page = Page::of(&parameters);
    let (count, rows) = page.cut(rows);
    let data = rows.iter().map(|row| shown(&row.token, &snapshot)).collect();
    let repeated = ["q", "sort", STATUS_FILTERS[0], STATUS_FILTERS[1]];
    Ok(Answer::ok(page.document(&origin, &parameters, &repeated, (count, data))))
}

/// The two names of the filter that clients use.
const STATUS_FILTERS: [&str; 2] = ["filter[expiry_status]", "filter[status]"];

fn statuses(parameters: &Parameters) -> Result<Vec<ExpiryStatus>, Problem> {
    let unknown = "Status is not one of active, expiring_in_7_days, expiring_in_30_days, expired and no_expiration";
    let mut statuses = Vec::new();
    for name in STATUS_FILTERS {
        let words = parameters.all(name).flat_map(|words| words.split(',')).filter(|word| !word.is_empty());
        for word in words {
            statuses.push(ExpiryStatus::parse(word).ok_or_else(|| Problem::parameter(name, unknown))?);
        }
    }
    Ok(statuses)
}

fn order(parameters: &Parameters) -> Result<TokenOrder, Problem> {
    let Some(text) = parameters.text("sort").filter(|text| !text.is_empty()) else { return Ok(TokenOrder::default()) };
    let unknown = "Sort is not one of team-name, created-by, expired-at and last-used-at";
    TokenOrder::parse(text).ok_or_else(|| Problem::parameter("sort", unknown))
}

fn shown(token: &TeamToken, snapshot: &OrganizationSnapshot) -> TokenResource {
    resource(token, None, creator_among(token, snapshot).map(|(creator, _)| creator))
}
