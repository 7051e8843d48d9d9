//! The pages for people, and the answer to unknown paths.

mod openapi;

use terrapi::http::Routes;
use utoipa_axum::routes;

/// The function's routes.
pub fn routes() -> Routes {
    Routes::new().routes(routes!(openapi::openapi))
}
