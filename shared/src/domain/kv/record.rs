//! A record as it is stored ([`RecordState`]): a live side that readers see, perhaps a draft that waits for a commit,
//! and what both share.

use uuid::Uuid;

use crate::domain::{Capabilities, Millis, Seconds};

/// The id of one write, the same for all attempts at it.
///
/// Shape: a UUID of version 7 (RFC 9562 §5.7), whose first 48 bits are the time at which the write was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriteId(pub Uuid);

impl WriteId {
    /// When the write was made: the id's first 48 bits.
    pub fn made_at(self) -> Millis {
        Millis(i64::try_from(self.0.as_u64_pair().0 >> 16).unwrap_or(i64::MAX))
    }
}

/// The id of a draft: that of the write that began it. Further staged writes replace the draft's value and keep its id, unless
/// they demand a capability of writers that the draft did not demand: such a write begins a new draft.
///
/// A commit lists drafts by this id, so it publishes the value that the draft has at the moment of publication, and only what
/// its caller may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DraftId(pub Uuid);

/// A published commit, as records remember it. Ordered by publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommitStamp {
    /// The number that the installation's commit head gave the commit: 1 for the first.
    pub seq: u64,
    pub commit: Uuid,
}

/// The version of a record. Every write raises it by one; see [`Version::first`] for where it begins.
///
/// No version is used twice for one address, not even after a deletion.
///
/// ```
/// use terrapi::domain::Millis;
/// use terrapi::domain::kv::Version;
///
/// let first = Version::first(Millis(1_700_000_000_000));
/// assert_eq!(first.next(), Version(1_700_000_000_001));
/// // Written, deleted and forgotten, then written again two seconds later: still a higher version.
/// assert!(Version::first(Millis(1_700_000_002_000)) > first.next());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub i64);

impl Version {
    /// The version of a record's first write.
    ///
    /// It is the clock's milliseconds. A record takes fewer than 1,000 writes a second (the limit of a DynamoDB
    /// partition), so versions never overtake the clock. A record that is written after the tombstone of an earlier one
    /// has expired starts above its versions.
    pub const fn first(now: Millis) -> Self {
        Self(now.0)
    }

    /// The version that the next write makes.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// The name of an immutable object in object storage that holds a value of more than 16 KiB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobRef(pub String);

/// Where a value is. Its text is compact JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// In the item itself.
    Inline(String),
    /// In object storage, under this name.
    Blob(BlobRef),
    /// In the item, but not read from storage.
    NotRead,
}

/// A value, with its size and times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The value, or where it is.
    pub payload: Payload,
    /// The length of the compact JSON text, in bytes.
    pub size_bytes: u64,
    pub written_at: Millis,
    /// The first second at which the value reads as absent. `None`: it does not expire.
    pub expires_at: Option<Seconds>,
}

impl Slot {
    /// Whether the value has not expired at `now`.
    pub fn present(&self, now: Millis) -> bool {
        self.expires_at.is_none_or(|end| now < end.millis())
    }
}

/// A record's own capability lists, in addition to what the route requires. An absent or empty list restricts nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guards {
    /// `read_caps`: a reader needs all of these.
    pub read: Option<Capabilities>,
    /// `write_caps`: a writer needs all of these.
    pub write: Option<Capabilities>,
}

impl Guards {
    /// Whether a caller with the capabilities `held` may read.
    pub fn allow_read(&self, held: &Capabilities) -> bool {
        self.read.as_ref().is_none_or(|needed| held.holds_all(needed))
    }

    /// Whether a caller whom `other` allows to write may be refused here.
    pub fn restrict_writers_of(&self, other: &Self) -> bool {
        let enough = other.write.clone().unwrap_or_default();
        !self.allow_write(&enough)
    }

    /// Whether a caller with the capabilities `held` may write.
    pub fn allow_write(&self, held: &Capabilities) -> bool {
        self.write.as_ref().is_none_or(|needed| held.holds_all(needed))
    }
}

/// One of a record's two values (live or draft), with its version and its capability lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    pub slot: Slot,
    /// The version that the write of this value made.
    pub version: Version,
    /// Who may read and write it.
    pub guards: Guards,
}

/// A staged value: it was written with `committed=false` and waits for a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The id by which commits list it.
    pub id: DraftId,
    /// The value, as it will become the live side.
    pub side: Side,
}

/// Everything that is stored under one address.
///
/// Without a live side and a draft it is a tombstone. A tombstone keeps the version, the last writes and the fence of a
/// deleted record until DynamoDB removes it ([`RecordState::TOMBSTONE_SECONDS`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordState {
    /// The version that the latest write made.
    pub version: Version,
    /// The ids of the latest writes, newest first; at most [`RecordState::REMEMBERED_WRITES`].
    pub writes: Vec<WriteId>,
    /// When the record was first written since it was last absent.
    pub created_at: Millis,
    /// The value that readers see.
    pub live: Option<Side>,
    /// The staged value.
    pub draft: Option<Draft>,
    /// The sequence number of the last commit that was folded into the record; 0 before the first.
    pub folded_seq: u64,
    /// The commits that were folded into the record, newest first; at most [`RecordState::REMEMBERED_COMMITS`].
    pub folds: Vec<CommitStamp>,
    /// A fencing token in milliseconds; 0 if none was ever raised. Raising it makes every attempt at a write fail that
    /// was sent before. An attempt that reads nothing first fails because its write was made at or before this time;
    /// every other attempt fails because the fence has changed.
    pub fence: i64,
    /// When DynamoDB may remove the item; `None`: never.
    pub removable_at: Option<Seconds>,
}

impl RecordState {
    /// How many write ids a record remembers, to recognise a write whose answer was lost.
    pub const REMEMBERED_WRITES: usize = 4;
    /// How many folded commits a record remembers, so that a commit can tell which records it published.
    pub const REMEMBERED_COMMITS: usize = 4;
    /// How long a tombstone stays, in seconds.
    pub const TOMBSTONE_SECONDS: i64 = 24 * 3600;
    /// How long a record that was never committed can be seen and committed, in seconds.
    pub const UNCOMMITTED_SECONDS: i64 = 7 * 24 * 3600;
    /// How long after a commit its drafts and its list are kept at least, in seconds: the worker must fold it by then.
    pub const FOLDING_SECONDS: i64 = 30 * 24 * 3600;
    /// How long an item is kept after its value has expired, in seconds: a commit may still have to be folded into it.
    pub const REMOVAL_GRACE_SECONDS: i64 = 24 * 3600;

    /// The version that `write` made; `None` if the record does not remember it.
    pub fn version_made_by(&self, write: WriteId) -> Option<Version> {
        let position = self.writes.iter().position(|known| *known == write)?;
        let back = i64::try_from(position).ok()?;
        Some(Version(self.version.0.saturating_sub(back)))
    }

    /// Whether the record knows which write made `version`: it remembers that write, or it has not reached this version
    /// yet.
    pub fn remembers(&self, version: Version) -> bool {
        let back = self.version.0.saturating_sub(version.0);
        back < 0 || usize::try_from(back).is_ok_and(|back| back < self.writes.len())
    }

    /// The record as it is at `now`: without expired values, and without a draft that was not committed within a week
    /// and has no live side beside it.
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

    /// The record after the commit `stamp` has been folded into it: the draft becomes the live side. The version stays
    /// the same.
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

    /// Whether the record has a value, live or staged.
    pub fn exists(&self) -> bool {
        self.live.is_some() || self.draft.is_some()
    }

    /// When DynamoDB may remove the item, according to its values; `None`: never.
    pub fn removal(&self) -> Option<Seconds> {
        match (&self.live, &self.draft) {
            (Some(live), None) => live.removable_at(),
            // The draft may be committed until the live value expires, and must then be kept until the commit is folded.
            (Some(live), Some(draft)) => {
                live.removable_at().map(|end| end.plus(Self::FOLDING_SECONDS).max(draft.removable_at()))
            }
            (None, Some(draft)) => Some(draft.removable_at()),
            (None, None) => self.removable_at,
        }
    }
}

impl Side {
    /// When DynamoDB may remove an item with this live side; `None`: never.
    pub fn removable_at(&self) -> Option<Seconds> {
        self.slot.expires_at.map(|end| end.plus(RecordState::REMOVAL_GRACE_SECONDS))
    }
}

impl Draft {
    /// When DynamoDB may remove an item that consists of this draft only. The draft may be committed in the last second of its
    /// week, and must then be kept until the commit is folded.
    pub fn removable_at(&self) -> Seconds {
        let committable = self.side.slot.written_at.seconds().plus(RecordState::UNCOMMITTED_SECONDS);
        let end = committable.plus(RecordState::FOLDING_SECONDS);
        self.side.removable_at().map_or(end, |expired| expired.min(end))
    }
}
