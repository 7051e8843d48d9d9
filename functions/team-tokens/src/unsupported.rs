//! Refuses requests for what does not exist here, with 400 and a reason.
//!
//! `terraform` and its provider print the reason of a 400. A 404 they print as "resource not found", and take for success when they
//! delete; a 501 they repeat for minutes. None of these routes is in the API's description.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use terrapi::runtime::App;

use crate::jsonapi::{Parameters, Problem};
use crate::lookup::{Named, With, organization};
use crate::members::show::show_membership;
use crate::principal::Principal;

const NO_WORKSPACES: &str = "There are no workspaces and no projects here: this service keeps no Terraform state and runs nothing. \
     Keep the state in another backend.";
const NO_INVITATIONS: &str = "There are no invitations here: add a person who has signed in to a team.";
const NO_REMOVAL: &str =
    "There are no memberships apart from those in teams: remove the person from every team of the organization.";

/// Workspaces and projects of an organization, whose name is the path's first parameter.
pub async fn refuse_workspaces(
    State(app): State<App>,
    caller: Principal,
    path: Result<Path<Vec<(String, String)>>, PathRejection>,
) -> Problem {
    let name = path.ok().and_then(|Path(parameters)| parameters.into_iter().next());
    let Some((_, name)) = name else { return Problem::not_found() };
    refuse(&app, &caller, &name, NO_WORKSPACES).await
}

/// The creation of an organization's membership.
pub async fn refuse_invitation(State(app): State<App>, caller: Principal, Named(name): Named) -> Problem {
    refuse(&app, &caller, &name, NO_INVITATIONS).await
}

/// The deletion of a membership.
pub async fn refuse_removal(app: State<App>, caller: Principal, id: Named, parameters: Parameters) -> Response {
    match show_membership(app, caller, id, parameters).await {
        Ok(_) => Problem::bad_request(NO_REMOVAL).into_response(),
        Err(problem) => problem.into_response(),
    }
}

async fn refuse(app: &App, caller: &Principal, name: &str, reason: &str) -> Problem {
    match organization(app, caller, name, With::Teams).await {
        Ok(_) => Problem::bad_request(reason),
        Err(problem) => problem,
    }
}
