//! Who is calling, and what this server is.

mod client_id;
mod health;
mod logout;
mod server_config;
mod whoami;

use terrapi::http::{Description, Routes};
use terrapi::routes;

/// The function's routes.
pub fn routes<D: Description>() -> Routes<D> {
    Routes::new()
        .routes(routes!(whoami::whoami))
        .routes(routes!(logout::logout))
        .routes(routes!(server_config::server_config))
        .routes(routes!(client_id::github_client_id))
        .routes(routes!(health::health))
}
