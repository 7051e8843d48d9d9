//! What a write makes of a record. One pure function, [`decide`], contains every rule of `set`, `cas` and `delete`.

use super::{Draft, DraftId, Guards, RecordState, Side, Slot, Version, WriteId};
use crate::domain::{Capabilities, Millis};

/// How far the clocks of two sandboxes may be apart, in milliseconds.
const CLOCK_SKEW_MS: i64 = 10_000;

/// The condition of a write on the record's present version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// None: `set`, and `delete` without `version`.
    Anything,
    /// There is no record, not even a staged one: `cas` without `version`.
    Absent,
    /// The record has exactly this version: `cas` or `delete` with `version`.
    Version(Version),
}

/// What a write does to one of the record's capability lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CapsChange {
    /// It stays as it is.
    Keep,
    /// It is replaced by this one; `None` removes it.
    Replace(Option<Capabilities>),
}

impl CapsChange {
    /// The list after the write, given the list before it.
    pub fn applied_to(&self, existing: Option<&Capabilities>) -> Option<Capabilities> {
        match self {
            Self::Keep => existing.cloned(),
            Self::Replace(list) => list.clone(),
        }
    }
}

/// The value that a `set` or `cas` writes.
#[derive(Clone, Debug)]
pub struct Put {
    /// The value, with its size and times.
    pub slot: Slot,
    /// `true`: published immediately. `false`: staged until a commit.
    pub committed: bool,
    pub read_caps: CapsChange,
    pub write_caps: CapsChange,
}

/// Whether a write stores a value or deletes the record.
#[derive(Clone, Debug)]
pub enum WriteKind {
    Put(Put),
    /// Deletes the record and leaves a tombstone.
    Delete,
}

/// One write by one caller.
#[derive(Clone, Debug)]
pub struct Write<'a> {
    /// The id by which a later attempt recognises that an earlier one took effect.
    pub id: WriteId,
    /// The time of the request.
    pub now: Millis,
    /// The condition on the present version.
    pub expect: Expect,
    pub kind: WriteKind,
    pub held: &'a Capabilities,
}

/// The result of a write that took effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub version: Version,
    /// When the record was first written since it was last absent.
    pub created_at: Millis,
    /// The capability lists of the value that was written.
    pub guards: Guards,
}

/// Why a write was refused. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The record's `write_caps` contain a capability that the caller does not have.
    NotWritable,
    /// The record has another version than expected; `None`: there is no record.
    VersionMismatch(Option<Version>),
    /// There was nothing to delete.
    Absent,
}

/// What the store must do about a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: the write took effect before, and only its answer was lost.
    Done(Outcome),
    Refused(Refusal),
    /// Replace the record by this one, on the condition that it is still the one that was judged.
    Apply(Box<RecordState>, Outcome),
}

/// Decides what `write` makes of the record `old` (`None`: no item was found). A draft that a commit has published must
/// have been [`folded`](RecordState::folded) before.
pub fn decide(old: Option<&RecordState>, write: &Write<'_>) -> Verdict {
    if let Some(outcome) = old.and_then(|old| already_done(old, write.id)) {
        return Verdict::Done(outcome);
    }
    let present = old.cloned().map(|old| old.at(write.now)).filter(RecordState::exists);
    if present.as_ref().is_some_and(|record| !writable(record, write.held)) {
        return Verdict::Refused(Refusal::NotWritable);
    }
    if let Some(refusal) = unexpected(write.expect, present.as_ref().map(|record| record.version)) {
        return Verdict::Refused(refusal);
    }
    let version = old.map_or(Version::first(write.now), |old| old.version.next());
    let mut next = RecordState {
        version,
        writes: remembered(old, write.id),
        created_at: present.as_ref().map_or(write.now, |record| record.created_at),
        live: None,
        draft: None,
        folded_seq: old.map_or(0, |old| old.folded_seq),
        folds: old.map(|old| old.folds.clone()).unwrap_or_default(),
        fence: old.map_or(0, |old| old.fence),
        removable_at: None,
    };
    let guards = match &write.kind {
        WriteKind::Put(put) => put_into(&mut next, present, put, write.id),
        WriteKind::Delete if present.is_none() => return Verdict::Refused(Refusal::Absent),
        WriteKind::Delete => {
            next.removable_at = Some(write.now.seconds().plus(RecordState::TOMBSTONE_SECONDS));
            Guards::default()
        }
    };
    let outcome = Outcome { version, created_at: next.created_at, guards };
    Verdict::Apply(Box::new(next), outcome)
}

impl RecordState {
    /// Whether `write`, which is not among the remembered ones, may have taken effect and since been forgotten.
    ///
    /// It has not when the record remembers all there ever were, when it still remembers who made the version that this
    /// write would have made, or when it remembers a write made before this one was, clocks considered.
    pub fn may_have_forgotten(&self, write: &Write<'_>) -> bool {
        let Some(oldest) = self.writes.get(Self::REMEMBERED_WRITES - 1) else { return false };
        match write.expect {
            Expect::Version(expected) => !self.remembers(expected.next()),
            Expect::Anything | Expect::Absent => oldest.made_at().0 + CLOCK_SKEW_MS > write.id.made_at().0,
        }
    }
}

fn already_done(old: &RecordState, id: WriteId) -> Option<Outcome> {
    let version = old.version_made_by(id)?;
    let sides = [old.draft.as_ref().map(|draft| &draft.side), old.live.as_ref()];
    let guards = sides.into_iter().flatten().find(|side| side.version == version).map(|side| side.guards.clone());
    Some(Outcome { version, created_at: old.created_at, guards: guards.unwrap_or_default() })
}

fn writable(record: &RecordState, held: &Capabilities) -> bool {
    let sides = [record.live.as_ref(), record.draft.as_ref().map(|draft| &draft.side)];
    sides.into_iter().flatten().all(|side| side.guards.allow_write(held))
}

fn unexpected(expect: Expect, current: Option<Version>) -> Option<Refusal> {
    let met = match expect {
        Expect::Anything => true,
        Expect::Absent => current.is_none(),
        Expect::Version(version) => current == Some(version),
    };
    (!met).then_some(Refusal::VersionMismatch(current))
}

fn remembered(old: Option<&RecordState>, id: WriteId) -> Vec<WriteId> {
    let earlier = old.map(|old| old.writes.as_slice()).unwrap_or_default();
    std::iter::once(id).chain(earlier.iter().copied()).take(RecordState::REMEMBERED_WRITES).collect()
}

fn put_into(next: &mut RecordState, present: Option<RecordState>, put: &Put, id: WriteId) -> Guards {
    let (live, draft) = present.map_or((None, None), |record| (record.live, record.draft));
    let latest = if put.committed {
        live.as_ref().or(draft.as_ref().map(|draft| &draft.side))
    } else {
        draft.as_ref().map(|draft| &draft.side).or(live.as_ref())
    };
    let existing = latest.map(|side| side.guards.clone()).unwrap_or_default();
    let guards = Guards {
        read: put.read_caps.applied_to(existing.read.as_ref()),
        write: put.write_caps.applied_to(existing.write.as_ref()),
    };
    let side = Side { slot: put.slot.clone(), version: next.version, guards: guards.clone() };
    if put.committed {
        next.live = Some(side);
    } else {
        // A commit that is under way may have judged the draft by its old write list, and publishes it by its name.
        let same = draft.filter(|draft| !guards.restrict_writers_of(&draft.side.guards));
        let id = same.map_or(DraftId(id.0), |draft| draft.id);
        next.live = live;
        next.draft = Some(Draft { id, side });
    }
    next.removable_at = next.removal();
    guards
}
