//! The rules of the key-value store: what a record is, what a write makes of it, and who sees which side of it.

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
