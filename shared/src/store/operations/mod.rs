//! The operations table: installations, their secrets and repositories, runs, tasks, membership checks and dead
//! letters.

mod dead_letters;
mod drifts;
mod installations;
mod membership_checks;
mod refresh;
mod repositories;
mod runs;
mod secrets;
mod task_leases;
mod tasks;

pub use membership_checks::MembershipCheck;
pub use repositories::ReadRepositories;
pub use secrets::InstallationSecret;
pub use task_leases::{LEASE_MS, LeaseLost, TaskLease, TaskRelease};

/// A task or check that a worker may lease at `:now`: no other worker holds it, and its pause is over.
const MAY_BE_TAKEN: &str = "(attribute_not_exists(lease_until) OR lease_until <= :now) \
                            AND (attribute_not_exists(not_before) OR not_before <= :now)";

/// How many times a write that conflicts with others is tried before the caller gets an error.
const ATTEMPTS: usize = 5;
