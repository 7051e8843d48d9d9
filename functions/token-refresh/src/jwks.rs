//! The public keys, with which others verify access tokens.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use http::header::CACHE_CONTROL;
use serde_json::json;
use terrapi::auth::PublicKey;
use terrapi::runtime::{App, Signing};
use utoipa::ToSchema;

/// A key set (RFC 7517 §5).
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description: the keys write themselves")]
pub struct KeySet {
    /// The newest key first.
    keys: Vec<Jwk>,
}

/// A public key (RFC 8037 §2).
#[derive(ToSchema)]
#[schema(example = json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
    "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}))]
#[expect(dead_code, reason = "a description: the keys write themselves")]
#[schema(as = PublicKey)]
pub struct Jwk {
    /// `OKP`
    kty: String,
    /// `Ed25519`
    crv: String,
    /// `sig`
    r#use: String,
    /// `EdDSA`
    alg: String,
    /// The key's id in the headers of tokens: the RFC 7638 thumbprint.
    kid: String,
    /// 32 bytes, base64url.
    x: String,
}

/// List the public keys
///
/// RFC 7517. A key is listed from more than a minute before it signs, which is how long this answer may be cached,
/// until its last token has expired. A verifier that finds an unknown `kid` should request the list again.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "tokens", responses((status = 200, body = KeySet, headers(("cache-control" = String)))))]
pub async fn list_public_keys(
    State(app): State<App>,
    Extension(signing): Extension<Arc<Signing>>,
) -> impl IntoResponse {
    let keys = signing.public_keys(&app).await;
    let keys: Vec<_> = keys.iter().map(PublicKey::jwk).collect();
    ([(CACHE_CONTROL, "public, max-age=60")], Json(json!({ "keys": keys })))
}
