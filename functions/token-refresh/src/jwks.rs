//! The public keys, for whoever verifies tokens without us.

use std::sync::Arc;

use axum::response::IntoResponse;
use axum::{Extension, Json};
use http::header::CACHE_CONTROL;
use terrapi::auth::Signer;

/// List the public keys
///
/// RFC 7517. A verifier that meets an unknown `kid` looks again.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "tokens", responses((status = 200, body = serde_json::Value)))]
pub async fn list_public_keys(Extension(signer): Extension<Arc<Signer>>) -> impl IntoResponse {
    ([(CACHE_CONTROL, "public, max-age=60")], Json(signer.jwks()))
}
