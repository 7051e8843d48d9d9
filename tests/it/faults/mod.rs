//! The faulty endpoint itself: every fault must be seen by a client.

mod canary;
mod fixture;
mod lies;
