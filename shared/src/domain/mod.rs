//! The types and rules of the service, without HTTP, AWS, a clock or randomness.
//!
//! Everything here is a pure function of its arguments, so every rule has a unit test beside it. Start with
//! [`Capability`] and [`Caller`] (who may do what), [`InstallationId`] and [`Namespace`] (where), and [`kv`] (what is
//! stored). `docs/glossary.md` lists all terms. [`Error`] is the failure that every other layer returns.

mod account;
mod api_key;
mod audit;
mod caller;
mod capability;
mod dead_letter;
mod error;
mod identity;
mod ids;
mod installation;
pub mod kv;
mod membership;
pub mod organization;
pub mod rate;
mod repository;
mod requested;
mod run;
mod session;
mod sign_in;
mod task;
mod time;

pub use account::{AccountKind, Profile, ProviderInstallation, ProviderRepository, SecretText, UserTokens};
pub use api_key::{ApiKeyRecord, KeyName, Lineage};
pub use audit::{
    AuditAction, AuditChange, AuditEntry, AuditFilter, AuditOutcome, AuditedOrganization, Permission, PermissionChange,
};
pub use caller::{Caller, Credential};
pub use capability::{Capabilities, Capability, GrantError};
pub use dead_letter::{DeadLetter, DeadLetterId};
pub use error::{Code, Error, Result};
pub use identity::Identity;
pub use ids::{InstallationId, KeyId, Namespace, RunId, TaskId, UserId, Vcs};
pub use installation::{AccountStatus, Installation, InstallationState, Tier};
pub use membership::{Membership, MembershipMaxAge, is_service_user, suspended};
pub use repository::{KnownRepository, Repository, RepositoryName};
pub use requested::RequestedCapabilities;
pub use run::{DriftRun, Run, RunKind, RunRepository, RunState, RunType};
pub use session::{Session, SessionId};
pub use sign_in::{Administrators, PendingSignIn, ReturnTo};
pub use task::{Task, TaskState, Work};
pub use time::{Micros, Millis, Seconds};
