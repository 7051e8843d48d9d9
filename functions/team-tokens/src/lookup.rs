//! The resource that a path names, and the caller's right to it. A handler that takes [`Visible`] or [`Granted`] runs
//! only if the caller may see the resource or has the right. Otherwise the answer is 404.

use std::marker::PhantomData;
use std::ops::Deref;

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use terrapi::domain::Result;
use terrapi::domain::organization::{Authority, Organization, OrganizationCode, OrganizationName, Role, Team, TeamId};
use terrapi::runtime::App;
use terrapi::store::{Decision, OrganizationSnapshot};

use crate::jsonapi::Problem;
use crate::principal::{Note, Principal, Who};

/// The first parameter of a path, decoded once. If it cannot be decoded, the answer is 404.
pub struct Named(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let first = path.ok().and_then(|Path(parameters)| parameters.into_iter().next());
        first.map(|(_, text)| Self(text)).ok_or_else(Problem::not_found)
    }
}

/// A kind of resource that a path names by its first parameter.
pub trait Resource: Sized {
    /// What is read from storage.
    type Found: Send + Sync;

    /// The resource, and the caller's role in its organization.
    ///
    /// # Errors
    /// Not found, also if the caller may not see the resource.
    fn find(
        name: &str,
        caller: &Principal,
        app: &App,
    ) -> impl Future<Output = Result<(Self::Found, Role), Problem>> + Send;

    fn organization(found: &Self::Found) -> OrganizationCode;
}

/// The resource that the path names, which the caller may see.
pub struct Visible<R: Resource> {
    pub caller: Principal,
    /// The caller's role in the organization.
    pub role: Role,
    pub found: R::Found,
    path: String,
}

impl<R: Resource> FromRequestParts<App> for Visible<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = Principal::from_request_parts(parts, app).await?;
        let Named(path) = Named::from_request_parts(parts, app).await?;
        let (found, role) = R::find(&path, &caller, app).await?;
        Ok(Self { caller, role, found, path })
    }
}

/// A right to a resource that a route requires.
pub trait Needs<R: Resource>: Send {
    /// The facts that give the caller the right. `None` if the caller does not have it.
    fn authority(role: &Role, found: &R::Found) -> Option<Authority>;
}

/// Owns the organization.
pub struct Owns;
/// Manages the organization's teams.
pub struct Manages;
/// May change the team and its members.
pub struct Changes;
/// Manages the tokens of the team, or the token.
pub struct ManagesTokens;

impl Needs<Organization> for Owns {
    fn authority(role: &Role, _: &<Organization as Resource>::Found) -> Option<Authority> {
        role.owner()
    }
}

impl<R: Resource> Needs<R> for Manages {
    fn authority(role: &Role, _: &R::Found) -> Option<Authority> {
        role.manager()
    }
}

impl Needs<Team> for Changes {
    fn authority(role: &Role, team: &Team) -> Option<Authority> {
        role.changer(team)
    }
}

impl Needs<Team> for ManagesTokens {
    fn authority(role: &Role, team: &Team) -> Option<Authority> {
        role.token_manager(team)
    }
}

/// A resource to which the caller has the right `N`.
pub struct Granted<R: Resource, N> {
    visible: Visible<R>,
    /// The facts that give the caller the right.
    pub authority: Authority,
    need: PhantomData<N>,
}

impl<R: Resource, N> Deref for Granted<R, N> {
    type Target = Visible<R>;

    fn deref(&self) -> &Visible<R> {
        &self.visible
    }
}

impl<R: Resource, N: Needs<R>> Granted<R, N> {
    fn of(visible: Visible<R>) -> Result<Self, Problem> {
        let authority = N::authority(&visible.role, &visible.found).ok_or_else(Problem::not_found)?;
        Ok(Self { visible, authority, need: PhantomData })
    }

    /// Reads the caller's token and the resource again and checks the right again, after a change failed because
    /// something that was read had changed.
    ///
    /// # Errors
    /// As the extractor. Unavailable after too many such failures.
    pub async fn read_again(&mut self, app: &App) -> Result<(), Problem> {
        let visible = &mut self.visible;
        let organization = R::organization(&visible.found);
        visible.caller.read_again(app).await?;
        (visible.found, visible.role) = R::find(&visible.path, &visible.caller, app).await?;
        // Two organizations may have exchanged their names since. The change concerns the one that was read first.
        if R::organization(&visible.found) != organization {
            return Err(Problem::not_found());
        }
        self.authority = N::authority(&visible.role, &visible.found).ok_or_else(Problem::not_found)?;
        Ok(())
    }

    /// A decision based on the right. `notes` are written with the change.
    pub fn decision(&self, notes: Vec<Note>, app: &App) -> Result<Decision> {
        self.caller.decision(self.authority, notes, app)
    }
}

impl<R: Resource, N: Needs<R>> FromRequestParts<App> for Granted<R, N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Self::of(Visible::from_request_parts(parts, app).await?)
    }
}

/// Costs at most one read for a token; one query, and one read of the membership, for a person.
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

impl Visible<Team> {
    /// The team's organization. Costs one read, unless the caller uses the organization's token.
    pub async fn organization(&self, app: &App) -> Result<Organization, Problem> {
        let found = self.caller.find_organization(self.found.id.organization(), app).await?;
        found.ok_or_else(Problem::not_found)
    }
}

/// An organization with its teams. Costs a read and a query, and one read of the membership for a person.
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

/// The code of the organization with this name. Not found for a token of another organization. Costs one read.
pub async fn code_of(name: &str, caller: &Principal, app: &App) -> Result<OrganizationCode, Problem> {
    let name = OrganizationName::new(name).ok_or_else(Problem::not_found)?;
    let code = app.store.find_organization_code(&name).await?.ok_or_else(Problem::not_found)?;
    if caller.organization().is_some_and(|own| own != code) {
        return Err(Problem::not_found());
    }
    Ok(code)
}

/// The organization and the caller's role in it. Not found without a role.
pub async fn seen(
    snapshot: Option<OrganizationSnapshot>,
    caller: &Principal,
    app: &App,
) -> Result<(OrganizationSnapshot, Role), Problem> {
    let snapshot = snapshot.ok_or_else(Problem::not_found)?;
    let role = caller.role_among(&snapshot, app).await?.ok_or_else(Problem::not_found)?;
    Ok((snapshot, role))
}
