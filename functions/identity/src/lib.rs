//! Sign-in and sign-out, the caller's identity, and public facts about this server.
//!
//! | path | methods |
//! |---|---|
//! | `/api/github/v1/callback` | GET |
//! | `/api/v1/github/client_id` | GET |
//! | `/api/v1/github/whoami` | GET |
//! | `/api/v1/gitlab/callback` | GET |
//! | `/api/v1/gitlab/whoami` | GET |
//! | `/api/v1/logout` | POST |
//! | `/api/v1/server/config` | GET |
//! | `/api/v1/whoami` | GET |
//! | `/api/v1/{vcs}/login` | GET |
//! | `/health` | GET |

mod callback;
mod client_id;
mod health;
mod login;
mod logout;
mod server_config;
mod vcs_whoami;
mod whoami;

use terrapi::http::{Description, Routes};
use terrapi::routes;

pub fn routes<D: Description>() -> Routes<D> {
    Routes::new()
        .routes(routes!(whoami::whoami))
        .routes(routes!(vcs_whoami::github_whoami))
        .routes(routes!(vcs_whoami::gitlab_whoami))
        .routes(routes!(login::begin_sign_in))
        .routes(routes!(callback::github_callback))
        .routes(routes!(callback::gitlab_callback))
        .routes(routes!(logout::logout))
        .routes(routes!(server_config::server_config))
        .routes(routes!(client_id::github_client_id))
        .routes(routes!(health::health))
}
