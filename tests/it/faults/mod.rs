//! The fault proxy itself: every fault must be visible to a client. Also, how the store's client reacts to faults.

mod calls;
mod connections;
mod fixture;
mod stale;
