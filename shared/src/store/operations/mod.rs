//! The operations table: installations, their repositories, runs, and tasks.

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

/// What lies in wait for a worker at `:now`: nobody holds it, and its time has come.
const MAY_BE_TAKEN: &str = "(attribute_not_exists(lease_until) OR lease_until <= :now) \
                            AND (attribute_not_exists(not_before) OR not_before <= :now)";

/// How often a write that somebody was in the way of is judged anew before the caller is told to come again.
const ATTEMPTS: usize = 5;
