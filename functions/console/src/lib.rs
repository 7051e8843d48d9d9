//! The pages for people, and the answer to unknown paths.

mod asset;
mod docs;
mod openapi;

use axum::response::Redirect;
use axum::routing;
use terrapi::http::Routes;
use utoipa_axum::routes;

/// The function's routes.
pub fn routes() -> Routes {
    Routes::new()
        .routes(routes!(docs::page))
        .routes(routes!(docs::asset))
        .routes(routes!(openapi::openapi))
        .route("/", routing::get(|| async { Redirect::temporary("docs") }))
}
