//! Refuses requests for features that this service does not have, with 400 and a reason.
//!
//! `terraform` and its provider print the reason of a 400. They print a 404 as "resource not found", or take it for
//! success when they delete, and they repeat a 501 for minutes. None of these routes is in the API's description.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use terrapi::domain::organization::Organization;
use terrapi::runtime::App;

use crate::jsonapi::{Parameters, Problem};
use crate::lookup::{Named, Visible};
use crate::members::show::show_membership;
use crate::principal::Principal;

const NO_WORKSPACES: &str = "There are no workspaces and no projects here: this service keeps no Terraform state and runs nothing. \
     Keep the state in another backend.";
const NO_INVITATIONS: &str = "There are no invitations here: add a person who has signed in to a team.";
const NO_REMOVAL: &str =
    "There are no memberships apart from those in teams: remove the person from every team of the organization.";

/// Refuses requests for workspaces and projects.
pub async fn refuse_workspaces(_: Visible<Organization>) -> Problem {
    Problem::bad_request(NO_WORKSPACES)
}

/// Refuses to invite a person to an organization.
pub async fn refuse_invitation(_: Visible<Organization>) -> Problem {
    Problem::bad_request(NO_INVITATIONS)
}

/// Refuses to delete a membership.
pub async fn refuse_removal(app: State<App>, caller: Principal, id: Named, parameters: Parameters) -> Response {
    match show_membership(app, caller, id, parameters).await {
        Ok(_) => Problem::bad_request(NO_REMOVAL).into_response(),
        Err(problem) => problem.into_response(),
    }
}
