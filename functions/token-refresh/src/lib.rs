//! Exchanges API keys for access tokens. The only function that can sign.

mod jwks;
mod refresh;

use std::sync::Arc;

use axum::Extension;
use terrapi::auth::Signer;
use terrapi::http::Routes;
use utoipa_axum::routes;

/// The function's routes.
pub fn routes(signer: Arc<Signer>) -> Routes {
    Routes::new()
        .routes(routes!(refresh::exchange_api_key))
        .routes(routes!(jwks::list_public_keys))
        .layer(Extension(signer))
}
