//! Nouns and rules: no HTTP, no AWS, no clock, no randomness.

mod api_key;
mod audit;
mod caller;
mod capability;
mod error;
mod ids;
pub mod kv;
mod session;
mod time;

pub use api_key::{ApiKeyRecord, KeyName};
pub use audit::{AuditAction, AuditEntry, AuditOutcome};
pub use caller::{Caller, Credential};
pub use capability::{Capabilities, Capability, GrantError};
pub use error::{Code, Error, Result};
pub use ids::{InstallationId, KeyId, Namespace, UserId, Vcs};
pub use session::{Session, SessionId};
pub use time::{Millis, Seconds};
