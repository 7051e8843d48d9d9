//! Organizations, teams and their tokens for clients of the HCP Terraform API: `/api/v2/…`, and
//! `/.well-known/terraform.json`, where those clients find the API.
//!
//! These routes use [JSON:API](https://jsonapi.org) (`jsonapi/`). As their clients expect, they answer 401 without a
//! usable credential, 404 instead of 403, and never 403.
//!
//! | path | methods |
//! |---|---|
//! | `/.well-known/terraform.json` | GET |
//! | `/api/v2/account/details` | GET |
//! | `/api/v2/authentication-tokens/{token_id}` | GET, DELETE |
//! | `/api/v2/organization-memberships/{membership_id}` | GET |
//! | `/api/v2/organizations` | GET, POST |
//! | `/api/v2/organizations/{organization_name}` | GET, PATCH, DELETE |
//! | `/api/v2/organizations/{organization_name}/authentication-token` | GET, POST, DELETE |
//! | `/api/v2/organizations/{organization_name}/entitlement-set` | GET |
//! | `/api/v2/organizations/{organization_name}/organization-memberships` | GET |
//! | `/api/v2/organizations/{organization_name}/team-tokens` | GET |
//! | `/api/v2/organizations/{organization_name}/teams` | GET, POST |
//! | `/api/v2/ping` | GET |
//! | `/api/v2/teams/{team_id}` | GET, PATCH, DELETE |
//! | `/api/v2/teams/{team_id}/authentication-token` | GET, POST, DELETE |
//! | `/api/v2/teams/{team_id}/authentication-tokens` | POST |
//! | `/api/v2/teams/{team_id}/relationships/organization-memberships` | GET, POST, DELETE |
//! | `/api/v2/teams/{team_id}/relationships/users` | POST, DELETE |

mod account;
mod jsonapi;
mod lookup;
mod members;
mod organizations;
mod principal;
mod start;
mod teams;
mod tokens;
mod unsupported;

use axum::routing::{any, delete, post};
use members::{change as change_members, list as list_members, show as show_member};
use organizations::{
    create as create_org, delete as delete_org, entitlements, list as list_orgs, show as show_org, update as update_org,
};
use teams::{
    create as create_team, delete as delete_team, list as list_teams, show as show_team, update as update_team,
};
use terrapi::http::{Description, Routes};
use terrapi::routes;
use tokens::legacy::{of_organization, of_team};
use tokens::{by_id, described, list};
use unsupported::{refuse_invitation, refuse_removal, refuse_workspaces};

/// The function's routes.
pub fn routes<D: Description>() -> Routes<D> {
    Routes::new()
        .routes(routes!(start::discover))
        .routes(routes!(start::ping))
        .routes(routes!(account::show_account))
        .routes(routes!(of_team::create_legacy_token, of_team::show_legacy_token, of_team::delete_legacy_token))
        .routes(routes!(described::create_described_token))
        .routes(routes!(list::list_team_tokens))
        .routes(routes!(by_id::show_token, by_id::delete_token))
        .routes(routes!(list_orgs::list_organizations, create_org::create_organization))
        .routes(routes!(show_org::show_organization, update_org::update_organization, delete_org::delete_organization))
        .routes(routes!(
            of_organization::create_organization_token,
            of_organization::show_organization_token,
            of_organization::delete_organization_token
        ))
        .routes(routes!(entitlements::show_entitlements))
        .routes(routes!(list_teams::list_teams, create_team::create_team))
        .routes(routes!(show_team::show_team, update_team::update_team, delete_team::delete_team))
        .routes(routes!(list_members::list_organization_memberships))
        .routes(routes!(show_member::show_membership))
        .routes(routes!(change_members::add_users, change_members::remove_users))
        .routes(routes!(
            list_members::list_memberships_of_team,
            change_members::add_memberships,
            change_members::remove_memberships
        ))
        .route("/api/v2/organizations/{organization_name}/workspaces", any(refuse_workspaces))
        .route("/api/v2/organizations/{organization_name}/workspaces/{workspace_name}", any(refuse_workspaces))
        .route("/api/v2/organizations/{organization_name}/projects", any(refuse_workspaces))
        .route("/api/v2/organizations/{organization_name}/organization-memberships", post(refuse_invitation))
        .route("/api/v2/organization-memberships/{membership_id}", delete(refuse_removal))
        .finished_by(jsonapi::finish)
}
