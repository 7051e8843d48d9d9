//! Which value of a record a reader sees.

use super::{RecordState, Side};
use crate::domain::Capabilities;

/// Which values a reader asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Published values only: `committed=true`.
    Committed,
    /// The staged value if there is one, otherwise the published one: `committed=false`.
    Latest,
}

/// The value of a record that a reader sees.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The value, with its version and capability lists.
    pub side: &'a Side,
    /// Whether it is published; `false` for a staged value.
    pub committed: bool,
}

/// The value of `record` that a caller with the capabilities `held` sees; `None` if there is none, or none that the
/// caller may read.
///
/// Before the call, a published draft must have been [`folded`](RecordState::folded), and expired values removed with
/// [`at`](RecordState::at). To read a staged value, a caller must satisfy its own read list and that of the value it
/// would replace.
pub fn view<'a>(record: &'a RecordState, visibility: Visibility, held: &Capabilities) -> Option<View<'a>> {
    let live = record.live.as_ref().filter(|live| live.guards.allow_read(held));
    let live_is_closed = record.live.is_some() && live.is_none();
    match &record.draft {
        Some(draft) if visibility == Visibility::Latest => {
            let open = !live_is_closed && draft.side.guards.allow_read(held);
            open.then_some(View { side: &draft.side, committed: false })
        }
        _ => live.map(|side| View { side, committed: true }),
    }
}
