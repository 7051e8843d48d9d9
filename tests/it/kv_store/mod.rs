//! The key-value store.

mod cas;
mod chunks;
mod commit;
mod commit_faults;
mod delete;
mod fold_window;
mod iter;
mod late_writes;
mod many;
mod model;
mod overdue;
mod publication;
mod races;
mod record;
mod select;
mod slow;
mod values;
mod write_faults;
