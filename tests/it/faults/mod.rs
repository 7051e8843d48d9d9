//! The faulty endpoint itself: every fault must be seen by a client. And what the store's client does after one.

mod calls;
mod connections;
mod fixture;
mod stale;
