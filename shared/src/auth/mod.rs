//! Credentials: API keys, access tokens, team tokens, session cookies, and the keys that sign, verify and seal them.

mod access_token;
mod api_key;
mod base62;
mod ed25519;
mod opaque_token;
mod rs256;
mod seal;
mod signing;
mod team_secret;

pub use access_token::{
    AUDIENCE, Claims, LEEWAY_SECONDS, LIFETIME_SECONDS, Refused, Verified, VerifiedTokens, Verifier,
};
pub use api_key::{ApiKey, KeyEnvironment, Secret};
pub use ed25519::PublicKey;
pub use opaque_token::OpaqueToken;
pub use rs256::RsaKey;
pub use seal::SealingKeys;
pub use signing::{HEAD_START_SECONDS, Signer, SigningKeyFile};
pub use team_secret::TeamSecret;
