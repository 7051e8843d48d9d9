//! What a route is about and the caller's right to it. A handler that takes one of these cannot be reached without.

use std::marker::PhantomData;
use std::ops::Deref;

use axum::extract::FromRequestParts;
use http::request::Parts;
use terrapi::domain::Result;
use terrapi::domain::organization::{Authority, Organization, Role, Team, TeamToken};
use terrapi::runtime::App;
use terrapi::store::Decision;

use crate::jsonapi::Problem;
use crate::lookup::{HeldToken, Named, Resource};
use crate::principal::{Note, Principal};

/// The resource that the path names, which the caller sees. What the caller does not see is not found.
pub struct Visible<R: Resource> {
    /// Who is calling.
    pub caller: Principal,
    /// The caller's role in the organization.
    pub role: Role,
    /// What was read of the resource.
    pub found: R::Found,
    path: String,
}

/// A right to a resource, as a route asks for it.
pub trait Needs<R: Resource>: Send {
    /// What the right is decided on; `None` without it.
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

impl Needs<TeamToken> for ManagesTokens {
    fn authority(role: &Role, held: &HeldToken) -> Option<Authority> {
        held.manager(role)
    }
}

/// A resource that the caller has the right `N` to. What the caller has no right to is not found.
pub struct Granted<R: Resource, N> {
    visible: Visible<R>,
    /// What the right was decided on.
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

    /// Reads the caller's token and the resource again, before a change is decided on once more.
    ///
    /// # Errors
    /// As those of the extractor; unavailable, when others change the same things all the time.
    pub async fn again(&mut self, app: &App) -> Result<(), Problem> {
        let visible = &mut self.visible;
        let organization = R::organization(&visible.found);
        visible.caller.again(app).await?;
        (visible.found, visible.role) = R::find(&visible.path, &visible.caller, app).await?;
        // Two organizations may have exchanged their names meanwhile. The change is meant for the first one.
        if R::organization(&visible.found) != organization {
            return Err(Problem::not_found());
        }
        self.authority = N::authority(&visible.role, &visible.found).ok_or_else(Problem::not_found)?;
        Ok(())
    }

    /// A decision that rests on the right. Its notes are written with the change.
    pub fn decision(&self, notes: Vec<Note>, app: &App) -> Result<Decision> {
        self.caller.decision(self.authority, notes, app)
    }
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

impl<R: Resource, N: Needs<R>> FromRequestParts<App> for Granted<R, N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Self::of(Visible::from_request_parts(parts, app).await?)
    }
}

impl Visible<Team> {
    /// The team's organization. One read, unless that is the caller itself.
    pub async fn organization(&self, app: &App) -> Result<Organization, Problem> {
        let found = self.caller.find_organization(self.found.id.organization(), app).await?;
        found.ok_or_else(Problem::not_found)
    }
}
