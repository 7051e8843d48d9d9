//! The rules of the key-value store.
//!
//! [`RecordState`] is everything that is stored about one record. [`decide`] says what a write makes of it, and
//! [`view`] says which value a reader sees. Both are pure functions; `store/kv/` reads and writes the items.

mod key;
mod record;
mod scan;
mod select;
#[cfg(test)]
mod tests;
mod view;
mod write;

pub use key::{Address, Idx, Key};
pub use record::{BlobRef, CommitStamp, Draft, DraftId, Guards, Payload, RecordState, Side, Slot, Version, WriteId};
pub use select::{Select, Selection};
pub use view::{View, Visibility, view};
pub use write::{CapsChange, Expect, Outcome, Put, Refusal, Verdict, Write, WriteKind, decide};
