//! The operations table: installations, their secrets and repositories, runs, tasks, membership checks and dead
//! letters.

mod check;
mod dead_letters;
mod drifts;
mod installations;
mod leases;
mod membership_checks;
mod refresh;
mod repositories;
mod runs;
mod secrets;
mod task_leases;
mod tasks;

pub use leases::{LEASE_MS, LeaseLost};
pub use membership_checks::MembershipCheck;
pub use repositories::ReadRepositories;
pub use secrets::InstallationSecret;
pub use task_leases::{TaskLease, TaskRelease};

/// How many times a write that conflicts with others is tried before the caller gets an error.
const ATTEMPTS: usize = 5;
