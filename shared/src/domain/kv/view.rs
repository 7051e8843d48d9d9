//! Which side of a record a reader sees.

use super::{RecordState, Side};
use crate::domain::Capabilities;

/// What a reader asked to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Published values only: `committed=true`.
    Committed,
    /// Staged values before published ones: `committed=false`.
    Latest,
}

/// The side of a record that a reader sees.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The value.
    pub side: &'a Side,
    /// Whether it is published.
    pub committed: bool,
}

/// The side of `record` that a holder of `held` sees; `None` when it is absent, hidden or closed to them.
///
/// A published draft has been [`folded`](RecordState::folded), and `record` is what it is [`at`](RecordState::at) this
/// moment. A staged value needs both its own read list and the one it would replace.
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
