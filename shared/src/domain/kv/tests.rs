use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::{Capabilities, Capability, Millis, Seconds};

fn id(number: u128) -> WriteId {
    WriteId(Uuid::from_u128(number))
}

fn caps(list: &[Capability]) -> Capabilities {
    list.iter().cloned().collect()
}

fn put(committed: bool) -> Put {
    let slot = Slot { payload: Payload::Inline("1".into()), size_bytes: 1, written_at: Millis(0), expires_at: None };
    Put { slot, committed, read_caps: CapsChange::Keep, write_caps: CapsChange::Keep }
}

fn write(number: u128, now: i64, expect: Expect, kind: WriteKind, held: &Capabilities) -> Write<'_> {
    Write { id: id(number), now: Millis(now), expect, kind, held }
}

fn stamp(seq: u64) -> CommitStamp {
    CommitStamp { seq, commit: Uuid::from_u128(u128::from(seq)) }
}

fn apply(old: Option<&RecordState>, write: &Write<'_>) -> RecordState {
    match decide(old, write) {
        Verdict::Apply(next, _) => *next,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_staged_write_leaves_the_live_side_alone_and_keeps_the_drafts_name() {
    let none = Capabilities::default();
    let first = apply(None, &write(1, 100, Expect::Absent, WriteKind::Put(put(true)), &none));
    let staged = apply(Some(&first), &write(2, 101, Expect::Version(first.version), WriteKind::Put(put(false)), &none));
    let again =
        apply(Some(&staged), &write(3, 102, Expect::Version(staged.version), WriteKind::Put(put(false)), &none));
    assert_eq!(again.live, first.live);
    assert_eq!(again.draft.as_ref().map(|draft| draft.id), Some(DraftId(id(2).0)));
    let folded = again.clone().folded(stamp(5));
    assert_eq!((folded.version, folded.folded_seq, folded.draft), (again.version, 5, None));
}

#[test]
fn staged_write_that_restricts_writers_begins_a_new_draft() {
    let held = caps(&[Capability::KvStoreRead, Capability::KvStoreWrite]);
    let staged = |old: Option<&RecordState>, number: u128, list: &[Capability]| {
        let put = Put { write_caps: CapsChange::Replace(Some(caps(list))), ..put(false) };
        apply(old, &write(number, 100, Expect::Anything, WriteKind::Put(put), &held))
    };
    let draft = |record: &RecordState| record.draft.as_ref().map(|draft| draft.id.0.as_u128());
    let open = staged(None, 1, &[]);
    let closed = staged(Some(&open), 2, &[Capability::KvStoreWrite]);
    let same = staged(Some(&closed), 3, &[Capability::KvStoreWrite]);
    let opened = staged(Some(&same), 4, &[]);
    let other = staged(Some(&closed), 5, &[Capability::KvStoreRead]);
    assert_eq!([&open, &closed, &same, &opened, &other].map(draft), [Some(1), Some(2), Some(2), Some(2), Some(5)]);
}

#[test]
fn a_write_that_was_already_done_is_recognised_up_to_four_writes_back() {
    let none = Capabilities::default();
    let mut record = apply(None, &write(1, 100, Expect::Anything, WriteKind::Put(put(true)), &none));
    let first = record.version;
    for number in 2..=5 {
        let retried = write(1, 200, Expect::Absent, WriteKind::Put(put(true)), &none);
        assert!(matches!(decide(Some(&record), &retried), Verdict::Done(outcome) if outcome.version == first));
        record = apply(Some(&record), &write(number, 100, Expect::Anything, WriteKind::Put(put(true)), &none));
    }
    assert_eq!(record.version_made_by(id(1)), None);
    assert_eq!(record.version_made_by(id(2)), Some(first.next()));
}

#[test]
fn write_caps_are_checked_before_the_version() {
    let guarded = Put { write_caps: CapsChange::Replace(Some(caps(&[Capability::KvStoreWrite]))), ..put(true) };
    let holder = caps(&[Capability::KvStoreWrite]);
    let none = Capabilities::default();
    let record = apply(None, &write(1, 1, Expect::Anything, WriteKind::Put(guarded), &holder));
    for kind in [WriteKind::Put(put(true)), WriteKind::Delete] {
        let refused = decide(Some(&record), &write(2, 1, Expect::Version(Version(0)), kind, &none));
        assert_eq!(refused, Verdict::Refused(Refusal::NotWritable));
    }
}

#[test]
fn a_deleted_or_expired_record_is_absent_and_its_successor_has_a_higher_version() {
    let none = Capabilities::default();
    let first = apply(None, &write(1, 1000, Expect::Absent, WriteKind::Put(put(true)), &none));
    let tombstone = apply(Some(&first), &write(2, 1000, Expect::Version(first.version), WriteKind::Delete, &none));
    assert!(!tombstone.exists() && tombstone.removable_at.is_some());
    let late = decide(Some(&tombstone), &write(3, 1000, Expect::Version(first.version), WriteKind::Delete, &none));
    assert_eq!(late, Verdict::Refused(Refusal::VersionMismatch(None)));
    let mut brief = put(true);
    brief.slot.expires_at = Some(Seconds(2));
    let successor = apply(Some(&tombstone), &write(4, 1000, Expect::Absent, WriteKind::Put(brief), &none));
    assert!(successor.version > tombstone.version);
    let after = apply(Some(&successor), &write(5, 2000, Expect::Absent, WriteKind::Put(put(true)), &none));
    assert_eq!(after.created_at, Millis(2000));
}

#[test]
fn a_staged_value_is_seen_only_by_those_who_ask_until_it_is_published() {
    let none = Capabilities::default();
    let staged = apply(None, &write(1, 1, Expect::Absent, WriteKind::Put(put(false)), &none));
    assert!(view(&staged, Visibility::Committed, &none).is_none());
    assert!(view(&staged, Visibility::Latest, &none).is_some_and(|view| !view.committed));
    assert!(view(&staged.clone().folded(stamp(1)), Visibility::Committed, &none).is_some_and(|view| view.committed));
    assert!(staged.at(Millis(8 * 24 * 3_600_000)).draft.is_none(), "a week later it is gone");
}

#[test]
fn a_published_value_whose_time_is_over_does_not_bring_its_predecessor_back() {
    let none = Capabilities::default();
    let first = apply(None, &write(1, 1000, Expect::Absent, WriteKind::Put(put(true)), &none));
    let mut brief = put(false);
    brief.slot.expires_at = Some(Seconds(2));
    let staged = apply(Some(&first), &write(2, 1000, Expect::Anything, WriteKind::Put(brief), &none));
    assert!(!staged.folded(stamp(1)).at(Millis(2000)).exists());
}

proptest! {
    #[test]
    fn versions_rise_with_every_write_whatever_the_order(kinds in proptest::collection::vec((0_u8..3, 0_i64..50), 1..30)) {
        let none = Capabilities::default();
        let (mut record, mut now): (Option<RecordState>, i64) = (None, 1_000);
        for (number, (kind, pause)) in kinds.into_iter().enumerate() {
            now += pause;
            let kind = match kind { 0 => WriteKind::Delete, 1 => WriteKind::Put(put(true)), _ => WriteKind::Put(put(false)) };
            let before = record.as_ref().map(|record| record.version);
            if let Verdict::Apply(next, _) = decide(record.as_ref(), &write(number as u128, now, Expect::Anything, kind, &none)) {
                prop_assert!(before.is_none_or(|before| next.version > before));
                record = Some(*next);
            }
        }
    }
}
