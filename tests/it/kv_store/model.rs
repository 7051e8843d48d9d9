//! The store against a model that applies the rules to a map. The same sequence of operations must leave both with the
//! same records, whichever code path each write takes through the store.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use terrapi::domain::kv::{
    Address, CapsChange, CommitStamp, Expect, Idx, Key, Outcome, Payload, Put, RecordState, Refusal, Slot, Verdict,
    Version, Visibility, Write, WriteId, WriteKind, decide, view,
};
use terrapi::domain::{Capabilities, Capability, InstallationId, Namespace, Vcs};
use terrapi::runtime::{Clock, Random};
use terrapi::store::kv::{CommitRequest, CommitTarget, ReadQuery};

use crate::support::TestService;

const NAMESPACE: Namespace = Namespace { vcs: Vcs::Github, installation: InstallationId::new(12345) };

#[derive(Clone, Debug)]
enum Step {
    Put {
        index: usize,
        value: u8,
        committed: bool,
        guarded: Option<bool>,
        ttl: Option<i64>,
        expect: Demand,
        holder: bool,
    },
    Delete {
        index: usize,
        expect: Demand,
        holder: bool,
    },
    Commit {
        holder: bool,
    },
    Fold,
    Wait(i64),
}

/// The version that a step expects, resolved against the model so that versions often match.
#[derive(Clone, Copy, Debug)]
enum Demand {
    Anything,
    Absent,
    Current,
    Stale,
}

fn any_step() -> impl Strategy<Value = Step> {
    let demand =
        || prop_oneof![Just(Demand::Anything), Just(Demand::Absent), Just(Demand::Current), Just(Demand::Stale)];
    let guarded = prop_oneof![3 => Just(None), 1 => Just(Some(false)), 1 => Just(Some(true))];
    let ttl = prop_oneof![3 => Just(None), 1 => (1_i64..4).prop_map(Some)];
    prop_oneof![
        6 => (0_usize..3, any::<u8>(), any::<bool>(), guarded, ttl, demand(), any::<bool>()).prop_map(
            |(index, value, committed, guarded, ttl, expect, holder)| Step::Put { index, value, committed, guarded, ttl, expect, holder }
        ),
        2 => (0_usize..3, prop_oneof![Just(Demand::Anything), Just(Demand::Current), Just(Demand::Stale)], any::<bool>()).prop_map(|(index, expect, holder)| Step::Delete { index, expect, holder }),
        2 => any::<bool>().prop_map(|holder| Step::Commit { holder }),
        1 => Just(Step::Fold),
        1 => (1_i64..3_000).prop_map(Step::Wait),
    ]
}

fn address(index: usize) -> Address {
    Address { key: Key::new("k").unwrap(), idx: Idx::new(i64::try_from(index).unwrap()).unwrap() }
}

fn held(holder: bool) -> Capabilities {
    if holder { [Capability::KvStoreSystemWrite].into_iter().collect() } else { Capabilities::default() }
}

struct Run<'a> {
    service: &'a TestService,
    model: BTreeMap<usize, RecordState>,
}

impl Run<'_> {
    fn expectation(&self, index: usize, demand: Demand) -> Expect {
        let current = self.model.get(&index).map(|record| record.version);
        match (demand, current) {
            (Demand::Anything, _) => Expect::Anything,
            (Demand::Absent, _) => Expect::Absent,
            (_, None) => Expect::Version(Version(1)),
            (Demand::Current, Some(version)) => Expect::Version(version),
            (Demand::Stale, Some(version)) => Expect::Version(Version(version.0 - 1)),
        }
    }

    async fn write(&mut self, index: usize, expect: Demand, kind: WriteKind, holder: bool) {
        let (now, held) = (self.service.clock.now(), held(holder));
        let id = WriteId(Random::default().timed_id(now).unwrap());
        let write = Write { id, now, expect: self.expectation(index, expect), kind, held: &held };
        let expected: Result<Outcome, Refusal> = match decide(self.model.get(&index), &write) {
            Verdict::Apply(next, outcome) => {
                self.model.insert(index, *next);
                Ok(outcome)
            }
            Verdict::Refused(refusal) => Err(refusal),
            Verdict::Done(_) => unreachable!("every write has an id of its own"),
        };
        let stored = self.service.app.store.write_record(NAMESPACE, &address(index), &write).await.unwrap();
        match (&stored, &expected) {
            // The store does not report the creation time of a deleted record.
            (Ok(stored), Ok(expected)) if matches!(write.kind, WriteKind::Delete) => {
                assert_eq!(stored.version, expected.version)
            }
            _ => assert_eq!(stored, expected, "{write:?}"),
        }
    }

    async fn commit(&mut self, holder: bool) {
        let (now, held) = (self.service.clock.now(), held(holder));
        let id = Random::default().timed_id(now).unwrap();
        let targets = vec![CommitTarget { key: Key::new("k").unwrap(), idx: None }];
        let request = CommitRequest { id, targets, strict: false, held: &held, now };
        let published = self.service.app.store.commit(NAMESPACE, &request).await.unwrap();
        let mut expected = Vec::new();
        for (index, record) in &mut self.model {
            let present = record.clone().at(now);
            let sides = [present.live.as_ref(), present.draft.as_ref().map(|draft| &draft.side)];
            if present.draft.is_some() && sides.into_iter().flatten().all(|side| side.guards.allow_write(&held)) {
                *record = record.clone().folded(CommitStamp { seq: 1, commit: id });
                expected.push(address(*index));
            }
        }
        assert_eq!(published, expected);
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Put { index, value, committed, guarded, ttl, expect, holder } => {
                let now = self.service.clock.now();
                let payload = Payload::Inline(value.to_string());
                let size_bytes = value.to_string().len() as u64;
                let slot =
                    Slot { payload, size_bytes, written_at: now, expires_at: ttl.map(|ttl| now.seconds().plus(ttl)) };
                let write_caps =
                    guarded.map_or(CapsChange::Keep, |guarded| CapsChange::Replace(guarded.then(|| held(true))));
                let put = Put { slot, committed, read_caps: CapsChange::Keep, write_caps };
                self.write(index, expect, WriteKind::Put(put), holder).await;
            }
            Step::Delete { index, expect, holder } => self.write(index, expect, WriteKind::Delete, holder).await,
            Step::Commit { holder } => self.commit(holder).await,
            Step::Fold => _ = self.service.fold().await,
            Step::Wait(milliseconds) => self.service.clock.advance_ms(milliseconds),
        }
    }

    /// Asserts that every record in the store equals the model's.
    async fn compare(&self) {
        let (now, held) = (self.service.clock.now(), held(true));
        for visibility in [Visibility::Committed, Visibility::Latest] {
            let query = ReadQuery { namespace: NAMESPACE, visibility, held: &held, now };
            for index in 0..3 {
                let found = self.service.app.store.find_record(query, &address(index)).await.unwrap();
                let record = self.model.get(&index).map(|record| record.clone().at(now));
                let expected = record.as_ref().and_then(|record| view(record, visibility, &held));
                let found = found.map(|found| (found.side, found.committed));
                assert_eq!(found, expected.map(|view| (view.side.clone(), view.committed)), "{index} {visibility:?}");
            }
        }
    }
}

#[test]
fn any_sequence_of_operations_matches_the_model() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&proptest::collection::vec(any_step(), 1..25), |steps| {
        runtime.block_on(async {
            let service = TestService::new().await;
            let mut run = Run { service: &service, model: BTreeMap::new() };
            for step in steps {
                run.step(step).await;
                run.compare().await;
            }
            service.assert_kv_settled().await;
        });
        Ok(())
    });
    outcome.unwrap();
}
