//! The web pages, and the answer to unknown paths.
//!
//! | path | methods |
//! |---|---|
//! | `/docs` | GET |
//! | `/docs/{asset}` | GET |
//! | `/openapi.json` | GET |

mod asset;
mod docs;
mod openapi;

use axum::response::Redirect;
use axum::routing;
use terrapi::http::{Description, Routes};
use terrapi::routes;

pub fn routes<D: Description>() -> Routes<D> {
    Routes::new()
        .routes(routes!(docs::page))
        .routes(routes!(docs::asset))
        .routes(routes!(openapi::openapi))
        // `terraform login` opens this path, where people are to get a token.
        .route("/app/settings/tokens", routing::get(|| async { Redirect::temporary("../../docs") }))
        .route("/", routing::get(|| async { Redirect::temporary("docs") }))
}
