//! Rate limits: how many requests a caller may send, decided without a storage call for each request.
//!
//! Each limited [`RateLimitKey`] has one token bucket in storage. It holds a burst and fills at the sustained rate.
//! [`Limit`] is its arithmetic.
//!
//! A sandbox lets requests pass first and reports them afterwards, a batch at a time. It reserves nothing in advance,
//! so no tokens are idle in one sandbox while another refuses. A report is charged from the instant of its first
//! request, because the bucket may have been full since then. [`LocalBudget`] is what one sandbox knows; it decides when to
//! let a request pass, when to report and when to refuse.
//!
//! The answer to a report says how full the bucket is. While it is more than half full, sandboxes use it freely. Below
//! that, each uses only its share: the part of all reported requests that were its own. Before a sandbox refuses, it
//! asks storage once more, if it has saved enough requests to pay for the call.
//!
//! **The promise.** A caller that stays below 80 % of its limit is not refused, however many sandboxes serve it. Of a
//! caller above 120 %, the surplus is refused. After an overload a caller may be refused for some seconds, until the
//! requests beyond the burst are paid for. In any *t* seconds, *s* sandboxes let at most `rate × t + burst + s × (2 ×
//! batch + 1)` requests pass. One storage call pays for 20 requests or more, and over a long time for at least 19.
//!
//! There is no clock and no storage in this module: callers pass the time, and report what storage answered.

mod key;
mod limit;
mod local_budget;

pub use key::{Network, RateLimitKey};
pub use limit::{Limit, RateLimitStatus};
pub use local_budget::{LocalBudget, Report, Step};

#[cfg(test)]
mod tests;
