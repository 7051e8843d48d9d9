//! The operations table: installations, their secrets and repositories, runs, tasks, membership checks and dead
//! letters.

mod dead_letters;
mod drifts;
mod installations;
mod leases;
mod membership_checks;
mod refresh;
mod repositories;
mod runs;
mod secrets;
mod tasks;

pub use leases::{LEASE_MS, LeaseLost, TaskLease, TaskRelease};
pub use membership_checks::MembershipCheck;
pub use repositories::ReadRepositories;
pub use secrets::InstallationSecret;

/// A task or check that a worker may lease at `:now`: no other worker holds it, and its pause is over.
const MAY_BE_TAKEN: &str = "(attribute_not_exists(lease_until) OR lease_until <= :now) \
                            AND (attribute_not_exists(not_before) OR not_before <= :now)";

/// How many times a write that conflicts with others is tried before the caller gets an error.
const ATTEMPTS: usize = 5;
