//! Credentials: API keys, access tokens, the keys that sign and verify them.

mod access_token;
mod api_key;
mod base62;
mod ed25519;
mod signing;
mod verified;
mod verifier;

pub use access_token::{AUDIENCE, Claims, LEEWAY_SECONDS, LIFETIME_SECONDS};
pub use api_key::{ApiKey, KeyEnvironment, Secret};
pub use signing::{PublicKey, Signer, SigningKeyFile};
pub use verified::{Verified, VerifiedTokens};
pub use verifier::{Refused, Verifier};
