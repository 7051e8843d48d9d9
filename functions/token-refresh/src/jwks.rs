//! The public keys, for whoever verifies tokens without us.

use std::sync::Arc;

use axum::response::IntoResponse;
use axum::{Extension, Json};
use http::header::CACHE_CONTROL;
use terrapi::auth::Signer;
use utoipa::ToSchema;

/// A key set (RFC 7517 §5).
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description: the signer writes the keys")]
pub struct KeySet {
    /// The key that signs, then those that only verify.
    keys: Vec<PublicKey>,
}

/// A public key (RFC 8037 §2).
#[derive(ToSchema)]
#[schema(example = json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
    "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}))]
#[expect(dead_code, reason = "a description: the signer writes the keys")]
pub struct PublicKey {
    /// `OKP`
    kty: String,
    /// `Ed25519`
    crv: String,
    /// `sig`
    r#use: String,
    /// `EdDSA`
    alg: String,
    /// What token headers name: the RFC 7638 thumbprint.
    kid: String,
    /// 32 bytes, base64url.
    x: String,
}

/// List the public keys
///
/// RFC 7517. A verifier that meets an unknown `kid` looks again.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "tokens", responses((status = 200, body = KeySet, headers(("cache-control" = String)))))]
pub async fn list_public_keys(Extension(signer): Extension<Arc<Signer>>) -> impl IntoResponse {
    ([(CACHE_CONTROL, "public, max-age=60")], Json(signer.jwks()))
}
