//! The key-value store.

mod commit;
