//! What a path names, as far as the caller may know. Whatever they may not is not found.

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use terrapi::domain::organization::{Authority, Organization, OrganizationCode, OrganizationName, Role, Team, TeamId};
use terrapi::http::Holder;
use terrapi::runtime::App;
use terrapi::store::OrganizationSnapshot;
use utoipa::IntoParams;

use crate::jsonapi::Problem;
use crate::principal::{Principal, Who};

/// The one parameter of a path, decoded once. One that cannot be decoded names nothing.
pub struct Named(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(text)| Self(text)).map_err(|_| Problem::not_found())
    }
}

/// `{team_id}`
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "a description: handlers take Named")]
pub struct TeamPath {
    /// The team. Whatever is no such id names nothing.
    #[param(example = "team-4nQvD8sYk2LmPx6R")]
    team_id: String,
}

/// `{token_id}`
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "a description: handlers take Named")]
pub struct TokenPath {
    /// The token. Whatever is no such id names nothing.
    #[param(example = "at-9f3KqWm2Zr7TbXc4")]
    token_id: String,
}

/// `{membership_id}`
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "a description: handlers take Named")]
pub struct MembershipPath {
    /// The membership. Whatever is no such id names nothing.
    #[param(example = "ou-4nQvD8sYk2LmPx6R")]
    membership_id: String,
}

/// `{organization_name}`
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "a description: handlers take Named")]
pub struct OrganizationPath {
    /// The organization, by its name.
    #[param(example = "acme")]
    organization_name: String,
}

/// A team and the caller's part in its organization. At most one read for a token; one query, and one read of the
/// membership, for a person.
pub async fn team(app: &App, caller: &Principal, id: &str) -> Result<(Team, Role), Problem> {
    let id = TeamId::parse(id).ok_or_else(Problem::not_found)?;
    let (team, role) = match &caller.who {
        Who::Person(_) => {
            let snapshot =
                app.store.find_organization_snapshot(id.organization()).await?.ok_or_else(Problem::not_found)?;
            (snapshot.team(id).cloned(), caller.role_among(&snapshot, app).await?)
        }
        Who::Holder(proven) => {
            let role = caller.role_in(id.organization(), app).await?.ok_or_else(Problem::not_found)?;
            let team = match &proven.holder {
                Holder::Team(own) if own.id == id => Some(own.clone()),
                _ => app.store.find_team(id).await?,
            };
            (team, Some(role))
        }
    };
    let found = team.zip(role).filter(|(team, role)| role.sees(team));
    found.ok_or_else(Problem::not_found)
}

/// A team whose tokens the caller may manage, and what that was decided on.
pub async fn managed_team(app: &App, caller: &Principal, id: &str) -> Result<(Team, Authority), Problem> {
    let (team, role) = team(app, caller, id).await?;
    let authority = role.token_manager(&team).ok_or_else(Problem::not_found)?;
    Ok((team, authority))
}

/// What is read of an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum With {
    /// Its teams.
    Teams,
    /// Its teams and all tokens.
    Tokens,
}

/// An organization and the caller's part in it. Two reads, one of them a query; one more for a person.
pub async fn organization(
    app: &App,
    caller: &Principal,
    name: &str,
    with: With,
) -> Result<(OrganizationSnapshot, Role), Problem> {
    let name = OrganizationName::new(name).ok_or_else(Problem::not_found)?;
    let code = app.store.find_organization_code(&name).await?.ok_or_else(Problem::not_found)?;
    if caller.organization().is_some_and(|own| own != code) {
        return Err(Problem::not_found());
    }
    let snapshot = match with {
        With::Teams => app.store.find_organization_snapshot(code).await?,
        With::Tokens => app.store.find_organization_with_tokens(code).await?,
    };
    let snapshot = snapshot.ok_or_else(Problem::not_found)?;
    let role = caller.role_among(&snapshot, app).await?.ok_or_else(Problem::not_found)?;
    Ok((snapshot, role))
}

/// An organization that the caller has a part in. One read, unless it is the caller itself.
pub async fn organization_of(app: &App, caller: &Principal, code: OrganizationCode) -> Result<Organization, Problem> {
    if let Who::Holder(proven) = &caller.who
        && let Holder::Organization(own) = &proven.holder
        && own.id.organization() == code
    {
        return Ok(own.clone());
    }
    app.store.find_organization(code).await?.ok_or_else(Problem::not_found)
}
