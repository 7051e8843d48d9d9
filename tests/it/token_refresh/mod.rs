//! Exchanging keys for access tokens, and the signing keys: from the secret in Secrets Manager to a verified token.

mod exchange;
mod signing_key_refresh;
mod signing_secret;
