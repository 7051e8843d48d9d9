//! The KV store on DynamoDB.
//!
//! * A record is one item with a live side and at most one draft (`item.rs`).
//! * A write is first tried as one conditional update that reads nothing (`plain.rs`). If its condition fails, the
//!   write is judged against the current item, and the result is written if the item has not changed since
//!   (`write.rs`). An attempt whose answer was lost is fenced off first (`fence.rs`), because it may take effect late.
//! * A commit writes the list of its drafts in parts that no reader looks at, then names itself in the installation's
//!   head. That one write publishes it (`commit.rs`). A reader that meets a draft checks whether a commit of the head
//!   lists it (`head.rs`), and uses only records that it read after the head. Later, the worker folds published drafts
//!   into the live sides of their records (`fold.rs`).
//! * A folded record carries the commit's sequence number. A listing starts over if it meets a record with a higher
//!   number than the head it has read, so no answer shows a part of a commit (`list.rs`).

mod attempt;
mod check;
mod chunks;
mod commit;
mod cursor_seed;
mod fence;
mod fold;
mod head;
mod item;
mod list;
mod objects;
mod plain;
mod projection;
mod read;
mod values;
mod write;

pub use chunks::ChunkTotals;
pub use commit::{CommitRequest, CommitTarget, MAX_RECORDS as MAX_COMMIT_RECORDS};
pub use head::CommitLists;
pub use list::{ListQuery, Page, Position};
pub(super) use objects::named_objects;
pub use read::{Found, ReadQuery};
