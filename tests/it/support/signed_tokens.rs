//! Access tokens signed by a key of the test's choice.

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use terrapi::auth::{Claims, Signer};
use terrapi::domain::{Capabilities, KeyId};
use terrapi::runtime::{Clock, Random};

use super::routes::Gateway;
use super::service::{request, send_to};
use super::{Reply, TestService};

/// An access token of the service's user, signed by this signer.
pub fn token(service: &TestService, signer: &Signer) -> String {
    let (random, now) = (Random::default(), service.clock.now().seconds());
    let key = KeyId::new(random.id().unwrap());
    let claims = Claims::new("terrapi", now, random.id().unwrap(), service.user, key, Capabilities::default());
    signer.sign(&claims).unwrap()
}

/// The id of the key that signed a token.
pub fn kid(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

/// Calls a route that needs only a valid token.
pub async fn whoami(gateway: &Gateway, token: &str) -> Reply {
    send_to(gateway, request(Method::GET, "/api/v1/whoami", token, None)).await
}
