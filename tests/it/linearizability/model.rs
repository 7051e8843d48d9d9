//! The specification of a few records as seen by clients, against which histories are checked.

use std::collections::BTreeSet;

use porcupine_rs::{Model, Operation};

/// The number of groups of records. A commit stays within one group, so that each group can be checked on its own.
pub const GROUPS: usize = 3;
/// The number of records in a group.
pub const RECORDS: usize = 3;

/// The specification.
#[derive(Clone, Debug)]
pub struct Specification;

/// One record: what readers see, what is staged, and the version of the latest write (deletions count).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Record {
    version: Option<i64>,
    live: Option<Side>,
    draft: Option<Side>,
}

type Records = [Record; RECORDS];

/// A value, named by a number that no other write uses, and the version of its write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Side {
    pub value: u64,
    pub version: i64,
}

/// The version that a write expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    Anything,
    Absent,
    Version(i64),
}

/// A write's answer: the new version, or the refusal with the current version; `None` if the outcome is unknown.
pub type Answer<T> = Option<Result<T, Option<i64>>>;

/// An operation with its answer.
#[derive(Clone, Debug)]
pub enum Op {
    /// A read of one record: its value and whether it is published.
    Read {
        record: usize,
        staged: bool,
        seen: Option<(Side, bool)>,
    },
    /// A read that only shows whether a record exists.
    Count {
        record: usize,
        staged: bool,
        found: bool,
    },
    Put {
        record: usize,
        staged: bool,
        value: u64,
        expect: Expect,
        answer: Answer<i64>,
    },
    /// Returns whether a record was removed.
    Delete {
        record: usize,
        expect: Expect,
        answer: Option<bool>,
    },
    /// Publishes the drafts of exactly these records, together.
    Commit {
        published: Vec<usize>,
    },
    /// A commit with an unknown outcome: it may publish the drafts of any of these records, together.
    UncertainCommit {
        listed: Vec<usize>,
    },
}

impl Op {
    pub fn has_answer(&self) -> bool {
        !matches!(
            self,
            Self::Put { answer: None, .. } | Self::Delete { answer: None, .. } | Self::UncertainCommit { .. }
        )
    }
}

impl Record {
    fn exists(&self) -> bool {
        self.live.is_some() || self.draft.is_some()
    }

    fn current(&self) -> Option<i64> {
        self.version.filter(|_| self.exists())
    }

    fn meets(&self, expect: Expect) -> bool {
        match expect {
            Expect::Anything => true,
            Expect::Absent => !self.exists(),
            Expect::Version(version) => self.current() == Some(version),
        }
    }

    fn seen(&self, staged: bool) -> Option<(Side, bool)> {
        let draft = self.draft.filter(|_| staged).map(|side| (side, false));
        draft.or(self.live.map(|side| (side, true)))
    }

    /// Publishes the draft. Returns false if there is none.
    fn publish(&mut self) -> bool {
        let draft = self.draft.take();
        self.live = draft.or(self.live);
        draft.is_some()
    }

    /// A committed write also replaces a draft.
    fn put(&mut self, staged: bool, side: Side) {
        self.version = Some(side.version);
        (self.live, self.draft) = if staged { (self.live, Some(side)) } else { (Some(side), None) };
    }

    fn delete(&mut self) {
        *self = Self { version: self.version.map(|version| version + 1), live: None, draft: None };
    }

    /// The possible states of the record after the operation; empty if its answer is impossible.
    fn after(&self, op: &Op) -> Vec<Self> {
        let (mut next, version) = (self.clone(), self.version.map(|version| version + 1));
        match *op {
            Op::Read { staged, seen, .. } => accept(self.seen(staged) == seen, next),
            Op::Count { staged, found, .. } => accept(self.seen(staged).is_some() == found, next),
            Op::Put { staged, value, expect, answer, .. } => match answer {
                Some(Ok(made)) => {
                    next.put(staged, Side { value, version: made });
                    accept(self.meets(expect) && version.is_none_or(|version| version == made), next)
                }
                Some(Err(current)) => accept(!self.meets(expect) && self.current() == current, next),
                None => {
                    let made = version.filter(|_| self.meets(expect));
                    made.into_iter().for_each(|version| next.put(staged, Side { value, version }));
                    vec![self.clone(), next]
                }
            },
            Op::Delete { expect, answer, .. } => {
                let removes = self.exists() && self.meets(expect);
                if removes {
                    next.delete();
                }
                match answer {
                    Some(answer) => accept(answer == removes, next),
                    None => vec![self.clone(), next],
                }
            }
            Op::Commit { .. } | Op::UncertainCommit { .. } => Vec::new(),
        }
    }
}

fn accept(possible: bool, next: Record) -> Vec<Record> {
    if possible { vec![next] } else { Vec::new() }
}

/// The possible states of the records after the operation.
fn after(records: &Records, op: &Op) -> Vec<Records> {
    match op {
        Op::Commit { published } => {
            let mut next = records.clone();
            let all = published.iter().all(|record| next[*record].publish());
            if all { vec![next] } else { Vec::new() }
        }
        Op::UncertainCommit { listed } => listed.iter().fold(vec![records.clone()], |mut outcomes, record| {
            let mut published = outcomes.clone();
            published.retain_mut(|records| records[*record].publish());
            outcomes.extend(published);
            outcomes
        }),
        Op::Read { record, .. } | Op::Count { record, .. } | Op::Put { record, .. } | Op::Delete { record, .. } => {
            let with = |next: Record| {
                let mut records = records.clone();
                records[*record] = next;
                records
            };
            records[*record].after(op).into_iter().map(with).collect()
        }
    }
}

impl Model for Specification {
    /// All possible states of the records, sorted: an operation with an unknown outcome leaves several.
    type State = BTreeSet<Records>;
    type Op = Op;
    /// The group.
    type Metadata = usize;

    fn partition_operations(history: &[Operation<Self>]) -> Vec<Vec<Operation<Self>>> {
        let of_group = |group| history.iter().filter(|operation| operation.metadata == Some(group)).cloned().collect();
        (0..GROUPS).map(of_group).collect()
    }

    fn init() -> Self::State {
        BTreeSet::from([Records::default()])
    }

    fn step(state: &Self::State, op: &Op) -> (bool, Self::State) {
        let next: Self::State = state.iter().flat_map(|records| after(records, op)).collect();
        (!next.is_empty(), next)
    }
}
