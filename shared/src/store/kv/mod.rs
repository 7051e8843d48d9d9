//! The KV store on DynamoDB.
//!
//! * A record is one item with a live side and perhaps a draft (`item.rs`).
//! * A write is one conditional update when nothing stands in its way (`plain.rs`), else it is judged against the item as
//!   read and put in its place if that has not changed (`write.rs`). A try whose answer was lost is fenced off first
//!   (`fence.rs`), for it may take effect late.
//! * A commit lists the drafts it publishes in parts nobody can see, then names itself in the installation's head: the
//!   one write that matters (`commit.rs`). Readers who meet a draft look whether the head names it (`head.rs`), and judge
//!   only what they read after the head. The worker folds published drafts into their live sides afterwards (`fold.rs`).
//! * A folded record carries the commit's sequence number. A reader of many records whose head is older than that starts
//!   over, so no answer shows some of a commit (`list.rs`).

mod attempt;
mod chunks;
mod commit;
mod cursor_seed;
mod fence;
mod fold;
mod head;
mod item;
mod list;
mod plain;
mod projection;
mod read;
mod values;
mod write;

pub use chunks::ChunkTotals;
pub use commit::{CommitRequest, CommitTarget, MAX_RECORDS as MAX_COMMIT_RECORDS};
pub use head::CommitLists;
pub use list::{ListQuery, Page, Position};
pub use read::{Found, ReadQuery};
