//! API keys (`/api/v1/{vcs}/access-token…`), tasks (`/api/v1/tasks/{id}`) and the administrators' routes
//! (`/api/v1/admin/…`).
//!
//! | path | methods |
//! |---|---|
//! | `/api/v1/admin/audit` | GET |
//! | `/api/v1/admin/dead-letters` | GET |
//! | `/api/v1/admin/dead-letters/{id}/replay` | POST |
//! | `/api/v1/admin/drifts` | GET |
//! | `/api/v1/admin/organizations` | GET |
//! | `/api/v1/admin/organizations/{name}` | DELETE |
//! | `/api/v1/admin/users` | GET |
//! | `/api/v1/admin/users/{id}/memberships/{vcs}/{installation_id}` | DELETE |
//! | `/api/v1/tasks/{id}` | GET |
//! | `/api/v1/{vcs}/access-token` | GET, POST, DELETE |
//! | `/api/v1/{vcs}/access-token/{id}/audit` | GET |

mod audit;
mod create;
mod dead_letters;
mod delete;
mod drifts;
mod installation_listing;
mod list;
mod members;
mod organizations;
mod task;

use terrapi::http::{Description, Routes};
use terrapi::routes;

pub fn routes<D: Description>() -> Routes<D> {
    Routes::new()
        .routes(routes!(create::create_api_key, list::list_api_keys, delete::delete_api_key))
        .routes(routes!(audit::list_audit_of_key))
        .routes(routes!(task::find_task))
        .routes(routes!(audit::list_audit))
        .routes(routes!(drifts::list_drifts))
        .routes(routes!(dead_letters::list_dead_letters))
        .routes(routes!(dead_letters::replay_dead_letter))
        .routes(routes!(members::list_members))
        .routes(routes!(members::remove_membership))
        .routes(routes!(organizations::list_installation_organizations))
        .routes(routes!(organizations::delete_installation_organization))
}
