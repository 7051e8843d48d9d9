//! Exchanges API keys and team tokens for access tokens. The only function that can sign.
//!
//! | path | methods |
//! |---|---|
//! | `/.well-known/jwks.json` | GET |
//! | `/api/v1/access-token/refresh` | POST |

mod jwks;
mod refresh;

use std::sync::Arc;

use axum::Extension;
use terrapi::http::{Description, Routes};
use terrapi::routes;
use terrapi::runtime::Signing;

/// The function's routes.
pub fn routes<D: Description>(signing: Arc<Signing>) -> Routes<D> {
    Routes::new()
        .routes(routes!(refresh::exchange_api_key))
        .routes(routes!(jwks::list_public_keys))
        .layer(Extension(signing))
}
