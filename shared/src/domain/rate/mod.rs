//! Rate limits: what a caller may send, accounted for without asking storage about each request.
//!
//! Each limited [`Subject`] has one bucket in storage, which holds a burst and fills at the sustained rate. Sandboxes take
//! tokens out of it in batches and spend them from a [`Purse`] of their own. No clock and no storage here: [`Limit`] is
//! the bucket's arithmetic, [`Purse`] decides when to spend, to ask and to refuse.
//!
//! **The promise.** Over any interval of *t* seconds, with *s* sandboxes that know the caller, at most
//! `rate × t + burst + s × (batch + free)` requests pass. Batches are paid for before they are spent; what a sandbox
//! gives away unasked is paid for with its next batch, except for one token in 80 intervals, which is forgiven: a caller
//! who stays below that in each sandbox costs no call at all.

mod limit;
mod purse;
mod subject;

pub use limit::{Limit, Standing};
pub use purse::{Purse, Step};
pub use subject::{Network, Subject};

#[cfg(test)]
mod tests;
