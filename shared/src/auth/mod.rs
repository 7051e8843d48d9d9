//! Credentials: API keys, access tokens, session cookies, the keys that sign and verify them.

mod access_token;
mod api_key;
mod base62;
mod ed25519;
mod rs256;
mod session_token;
mod signing;
mod verified;
mod verifier;

pub use access_token::{AUDIENCE, Claims, LEEWAY_SECONDS, LIFETIME_SECONDS};
pub use api_key::{ApiKey, KeyEnvironment, Secret};
pub use rs256::RsaKey;
pub use session_token::SessionToken;
pub use signing::{HEAD_START_SECONDS, PublicKey, Signer, SigningKeyFile};
pub use verified::{Verified, VerifiedTokens};
pub use verifier::{Refused, Verifier};
