//! Rate limits: what a caller may send, accounted for without asking storage about each request.
//!
//! Each limited [`RateLimitKey`] has one bucket in storage, which holds a burst and fills at the sustained rate. A sandbox lets
//! requests through first and reports them afterwards, a batch at a time: nothing is set aside for a sandbox, so tokens
//! never lie idle in one while another refuses. A report is charged from the instant of its first request, because the
//! bucket may have been full since then. No clock and no storage here: [`Limit`] is the bucket's arithmetic, [`LocalBudget`]
//! decides when to let through, to report and to refuse.
//!
//! The answer to a report says how full the bucket is. While it is more than half full, sandboxes spend from it freely.
//! Below that each spends only its share: the part of all reported requests that were its own. Before a sandbox refuses
//! it looks again, if it has saved up for the call.
//!
//! **The promise.** A caller that stays below 80 % of its limit is not refused, however many sandboxes serve it; of one above
//! 120 % the surplus is refused. After an overload a caller may be refused for some seconds, until what the sandboxes let
//! through beyond the burst is paid for. Over any interval of *t* seconds *s* sandboxes let through at most
//! `rate × t + burst + s × (2 × batch + 1)` requests. One call to storage is good for 20 requests or more, and over a long
//! time for no fewer than 19.

mod key;
mod limit;
mod local_budget;

pub use key::{Network, RateLimitKey};
pub use limit::{Limit, RateLimitStatus};
pub use local_budget::{LocalBudget, Report, Step};

#[cfg(test)]
mod tests;
