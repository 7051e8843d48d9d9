//! A record as it is kept: a live side that readers see, perhaps a draft beside it, and what both share.

use uuid::Uuid;

use crate::domain::{Capabilities, Millis, Seconds};

/// Names one write. Time-ordered (RFC 9562 version 7), so that an id also tells when it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriteId(pub Uuid);

impl WriteId {
    /// When the write was made: the id's first 48 bits (RFC 9562 §5.7).
    pub fn made_at(self) -> Millis {
        Millis(i64::try_from(self.0.as_u64_pair().0 >> 16).unwrap_or(i64::MAX))
    }
}

/// Names one draft: the id of the write that began it, kept while further staged writes replace its value. A staged write whose
/// write list demands a capability that the draft's did not begins a new draft.
/// A commit publishes drafts by this name, so it publishes what the draft holds at that moment, and only what it may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DraftId(pub Uuid);

/// A commit, and the sequence number that the head gave it when it was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommitStamp {
    /// Counts the publications of an installation.
    pub seq: u64,
    /// The commit's id.
    pub commit: Uuid,
}

/// Counts the writes of a record. It never repeats for one place, not even after deletion: see [`Version::first`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub i64);

impl Version {
    /// The version of a record's first write.
    ///
    /// It counts from the clock's milliseconds. A record takes fewer than 1,000 writes a second (a DynamoDB
    /// partition's limit), so no version ever overtakes the clock, and whatever is written after the last trace of
    /// a deleted record has gone starts above it.
    pub const fn first(now: Millis) -> Self {
        Self(now.0)
    }

    /// The version of the next write.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// The name of an immutable object that holds a large value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobRef(pub String);

/// A value, in the item or outside it. The text is compact JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// In the item.
    Inline(String),
    /// In object storage.
    Blob(BlobRef),
    /// In the item, and left out when the item was read.
    NotRead,
}

/// A value with what belongs to it alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The value or its place.
    pub payload: Payload,
    /// Bytes of the compact JSON text.
    pub size_bytes: u64,
    /// When it was written.
    pub written_at: Millis,
    /// From this second on it reads as absent.
    pub expires_at: Option<Seconds>,
}

impl Slot {
    /// Whether the value still reads as present.
    pub fn present(&self, now: Millis) -> bool {
        self.expires_at.is_none_or(|end| now < end.millis())
    }
}

/// A record's own capability lists; absent and empty lists restrict nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guards {
    /// Needed to read.
    pub read: Option<Capabilities>,
    /// Needed to write.
    pub write: Option<Capabilities>,
}

impl Guards {
    /// Whether a holder of `held` may read.
    pub fn allow_read(&self, held: &Capabilities) -> bool {
        self.read.as_ref().is_none_or(|needed| held.holds_all(needed))
    }

    /// Whether somebody whom `other` allows to write may not write here.
    pub fn restrict_writers_of(&self, other: &Self) -> bool {
        let enough = other.write.clone().unwrap_or_default();
        !self.allow_write(&enough)
    }

    /// Whether a holder of `held` may write.
    pub fn allow_write(&self, held: &Capabilities) -> bool {
        self.write.as_ref().is_none_or(|needed| held.holds_all(needed))
    }
}

/// One side of a record: a value, its version, its lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// The value.
    pub slot: Slot,
    /// The version of the write that put it here.
    pub version: Version,
    /// Who may touch it.
    pub guards: Guards,
}

/// A staged value that waits for a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// What commits call it.
    pub id: DraftId,
    /// The value.
    pub side: Side,
}

/// Everything kept about one (key, idx). With neither side it is a tombstone: it remembers the version and the last
/// writes of a deleted record until DynamoDB removes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordState {
    /// The latest write's version.
    pub version: Version,
    /// The latest writes, newest first, at most [`RecordState::REMEMBERED_WRITES`].
    pub writes: Vec<WriteId>,
    /// The first write of the present record.
    pub created_at: Millis,
    /// What readers see.
    pub live: Option<Side>,
    /// What is staged.
    pub draft: Option<Draft>,
    /// The sequence number of the last commit folded in, 0 before the first.
    pub folded_seq: u64,
    /// The commits folded in, newest first, at most [`RecordState::REMEMBERED_COMMITS`].
    pub folds: Vec<CommitStamp>,
    /// A fencing token, 0 before the first. A try at a write that was sent before it was raised fails: one that reads
    /// nothing first when it was made at or before this time, in milliseconds, any other because it has changed.
    pub fence: i64,
    /// When DynamoDB may remove the item, `None` to keep it.
    pub removable_at: Option<Seconds>,
}

impl RecordState {
    /// How many writes a record remembers, to recognise one whose answer was lost.
    pub const REMEMBERED_WRITES: usize = 4;
    /// How many commits a record remembers, so that each commit can tell which records it published.
    pub const REMEMBERED_COMMITS: usize = 4;
    /// How long a tombstone stays, in seconds.
    pub const TOMBSTONE_SECONDS: i64 = 24 * 3600;
    /// How long a record that was never committed can be seen and committed, in seconds.
    pub const UNCOMMITTED_SECONDS: i64 = 7 * 24 * 3600;
    /// How long after a commit its drafts and the list of them are kept at least, in seconds: the worker must fold it by then.
    pub const FOLDING_SECONDS: i64 = 30 * 24 * 3600;
    /// How much longer than its readers see it an item with an expired value is kept, in seconds.
    pub const REMOVAL_GRACE_SECONDS: i64 = 24 * 3600;

    /// Where `write` stands among the remembered writes, and so the version it made.
    pub fn version_made_by(&self, write: WriteId) -> Option<Version> {
        let position = self.writes.iter().position(|known| *known == write)?;
        let back = i64::try_from(position).ok()?;
        Some(Version(self.version.0.saturating_sub(back)))
    }

    /// Whether the record can tell who made `version`: it remembers that write, or has not come that far.
    pub fn remembers(&self, version: Version) -> bool {
        let back = self.version.0.saturating_sub(version.0);
        back < 0 || usize::try_from(back).is_ok_and(|back| back < self.writes.len())
    }

    /// The record without what time has taken: expired values, and drafts nobody committed within a week.
    #[must_use]
    pub fn at(mut self, now: Millis) -> Self {
        self.live = self.live.filter(|side| side.slot.present(now));
        let alone = self.live.is_none();
        self.draft = self.draft.filter(|draft| {
            let age_limit = draft.side.slot.written_at.seconds().plus(Self::UNCOMMITTED_SECONDS).millis();
            draft.side.slot.present(now) && (!alone || now < age_limit)
        });
        self
    }

    /// The record with its draft as the live side: what folding the commit leaves. The version stays.
    #[must_use]
    pub fn folded(mut self, stamp: CommitStamp) -> Self {
        if let Some(draft) = self.draft.take() {
            self.live = Some(draft.side);
            self.folded_seq = stamp.seq;
            self.folds.insert(0, stamp);
            self.folds.truncate(Self::REMEMBERED_COMMITS);
            self.removable_at = self.removal();
        }
        self
    }

    /// Whether there is anything to read or write over.
    pub fn exists(&self) -> bool {
        self.live.is_some() || self.draft.is_some()
    }

    /// When the item may go, given its sides.
    pub fn removal(&self) -> Option<Seconds> {
        match (&self.live, &self.draft) {
            (Some(live), None) => live.removable_at(),
            (Some(live), Some(draft)) => live.removable_at().map(|end| end.max(draft.removable_at())),
            (None, Some(draft)) => Some(draft.removable_at()),
            (None, None) => self.removable_at,
        }
    }
}

impl Side {
    /// When an item whose live side this is may go.
    pub fn removable_at(&self) -> Option<Seconds> {
        self.slot.expires_at.map(|end| end.plus(RecordState::REMOVAL_GRACE_SECONDS))
    }
}

impl Draft {
    /// When an item that is nothing but this draft may go. The draft can be committed until its week is over, and may have
    /// been in its last second.
    pub fn removable_at(&self) -> Seconds {
        let committable = self.side.slot.written_at.seconds().plus(RecordState::UNCOMMITTED_SECONDS);
        let end = committable.plus(RecordState::FOLDING_SECONDS);
        self.side.removable_at().map_or(end, |expired| expired.min(end))
    }
}
