//! The key-value store.

mod cas;
mod chunks;
mod commit;
mod commit_faults;
mod delete;
mod faults;
mod iter;
mod many;
mod model;
mod races;
mod record;
mod select;
mod values;
