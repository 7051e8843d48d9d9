//! The resources that a path names. A resource that the caller may not see is answered with 404.

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use terrapi::domain::organization::{
    Authority, Organization, OrganizationCode, OrganizationName, Role, Team, TeamId, TeamToken, TeamTokenId,
    TokenHolder,
};
use terrapi::runtime::App;
use terrapi::store::OrganizationSnapshot;
use utoipa::IntoParams;

use crate::jsonapi::Problem;
use crate::principal::{Principal, Who};

/// The first parameter of a path, decoded once. One that cannot be decoded names nothing.
pub struct Named(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let first = path.ok().and_then(|Path(parameters)| parameters.into_iter().next());
        first.map(|(_, text)| Self(text)).ok_or_else(Problem::not_found)
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

/// A kind of resource that a path names by its first parameter.
pub trait Resource: Sized {
    /// What is read of it.
    type Found: Send + Sync;

    /// The resource, and the caller's role in its organization.
    ///
    /// # Errors
    /// Not found, also when the caller does not see it.
    fn find(
        name: &str,
        caller: &Principal,
        app: &App,
    ) -> impl Future<Output = Result<(Self::Found, Role), Problem>> + Send;

    /// The organization that the resource belongs to.
    fn organization(found: &Self::Found) -> OrganizationCode;
}

/// At most one read for a token; one query, and one read of the membership, for a person.
impl Resource for Team {
    type Found = Self;

    async fn find(id: &str, caller: &Principal, app: &App) -> Result<(Self, Role), Problem> {
        let id = TeamId::parse(id).ok_or_else(Problem::not_found)?;
        let (team, role) = match &caller.who {
            Who::Person(_) => {
                let snapshot = app.store.find_organization_snapshot(id.organization()).await?;
                let (snapshot, role) = seen(snapshot, caller, app).await?;
                (snapshot.team(id).cloned(), role)
            }
            Who::Holder(_) => {
                let role = caller.role_in(id.organization(), app).await?.ok_or_else(Problem::not_found)?;
                (caller.find_team(id, app).await?, role)
            }
        };
        let team = team.filter(|team| role.sees(team)).ok_or_else(Problem::not_found)?;
        Ok((team, role))
    }

    fn organization(found: &Self) -> OrganizationCode {
        found.id.organization()
    }
}

/// With its teams. Two reads, one of them a query; one more for a person.
impl Resource for Organization {
    type Found = OrganizationSnapshot;

    async fn find(name: &str, caller: &Principal, app: &App) -> Result<(OrganizationSnapshot, Role), Problem> {
        let code = code_of(name, caller, app).await?;
        seen(app.store.find_organization_snapshot(code).await?, caller, app).await
    }

    fn organization(found: &OrganizationSnapshot) -> OrganizationCode {
        found.organization.id.organization()
    }
}

/// An organization with its teams and all tokens.
pub struct WithTokens;

/// The same reads as an organization's.
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

/// A token with its team, if it is a team's.
pub struct HeldToken {
    /// The token.
    pub token: TeamToken,
    team: Option<Team>,
}

impl HeldToken {
    /// What a right to the token is decided on: a team's as the team's rules say, the organization's own if the organization
    /// is theirs. `None` without it.
    pub fn manager(&self, role: &Role) -> Option<Authority> {
        match self.token.holder {
            TokenHolder::Organization => role.owner(),
            TokenHolder::Team(_) => self.team.as_ref().and_then(|team| role.token_manager(team)),
        }
    }
}

/// Visible to those who manage the token, and to the token itself. Costs at most two reads besides the role's, and none for
/// the caller's own token.
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

/// Which organization has a name, if it may be the caller's. One read.
async fn code_of(name: &str, caller: &Principal, app: &App) -> Result<OrganizationCode, Problem> {
    let name = OrganizationName::new(name).ok_or_else(Problem::not_found)?;
    let code = app.store.find_organization_code(&name).await?.ok_or_else(Problem::not_found)?;
    if caller.organization().is_some_and(|own| own != code) {
        return Err(Problem::not_found());
    }
    Ok(code)
}

/// An organization in which the caller has a role.
pub async fn seen(
    snapshot: Option<OrganizationSnapshot>,
    caller: &Principal,
    app: &App,
) -> Result<(OrganizationSnapshot, Role), Problem> {
    let snapshot = snapshot.ok_or_else(Problem::not_found)?;
    let role = caller.role_among(&snapshot, app).await?.ok_or_else(Problem::not_found)?;
    Ok((snapshot, role))
}
