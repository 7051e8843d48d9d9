//! The public keys, with which others verify access tokens.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use http::header::CACHE_CONTROL;
use serde::Serialize;
use terrapi::auth::PublicKey;
use terrapi::runtime::{App, Signing};
use utoipa::ToSchema;

/// A key set (RFC 7517 §5).
#[derive(Serialize, ToSchema)]
pub struct KeySet {
    /// The newest key first.
    keys: Vec<Jwk>,
}

/// A public key (RFC 8037 §2).
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
    "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}))]
#[schema(as = PublicKey)]
pub struct Jwk {
    /// `OKP`
    kty: &'static str,
    /// `Ed25519`
    crv: &'static str,
    /// `sig`
    r#use: &'static str,
    /// `EdDSA`
    alg: &'static str,
    /// The key's id in the headers of tokens: the RFC 7638 thumbprint.
    kid: String,
    /// 32 bytes, base64url.
    x: String,
}

impl From<PublicKey> for Jwk {
    fn from(key: PublicKey) -> Self {
        Self { kty: "OKP", crv: "Ed25519", r#use: "sig", alg: "EdDSA", x: key.x(), kid: key.kid }
    }
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
    let keys = signing.public_keys(&app).await.into_iter().map(Jwk::from).collect();
    ([(CACHE_CONTROL, "public, max-age=60")], Json(KeySet { keys }))
}
