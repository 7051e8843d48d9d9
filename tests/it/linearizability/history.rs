//! The recorded operations of the clients, and the linearizability check.

use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use porcupine_rs::{CheckResult, Operation, check_operations_info_timeout, visualize_path};

use super::model::{Op, Specification};

/// The time limit of the checker. Without a violation it needs a second or two.
const SEARCH: Duration = Duration::from_secs(60);

/// Operations in the order of their answers.
pub struct History {
    began: Instant,
    operations: Mutex<Vec<Operation<Specification>>>,
}

impl History {
    pub fn new() -> Self {
        Self { began: Instant::now(), operations: Mutex::default() }
    }

    /// Nanoseconds since the start of the history.
    pub fn now(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_nanos()).unwrap()
    }

    /// Records an operation on a group of records that began at `call_time` and has just ended.
    pub fn enter(&self, client: u32, group: usize, call_time: i64, op: Op) {
        // An operation without an answer may take effect at any time until the end of the round, or never.
        let return_time = if op.has_answer() { self.now() } else { i64::MAX };
        let operation = Operation { client_id: Some(client), call_time, return_time, op, metadata: Some(group) };
        self.operations.lock().unwrap().push(operation);
    }

    /// Marks the end of a round: no earlier operation can take effect any more.
    pub fn end_round(&self) {
        let (now, mut operations) = (self.now(), self.operations.lock().unwrap());
        for operation in operations.iter_mut().filter(|operation| operation.return_time == i64::MAX) {
            operation.return_time = now;
        }
    }

    /// Returns descriptions of the groups that are not linearizable, and writes a visualization to `folder`.
    pub fn violations(&self, folder: &Path) -> Vec<String> {
        let operations = self.operations.lock().unwrap();
        let (result, info) = check_operations_info_timeout::<Specification>(&operations, SEARCH);
        if result == CheckResult::Ok {
            return Vec::new();
        }
        let picture = folder.join("history.html");
        visualize_path(&info, &picture).unwrap();
        let longest = info.partial_linearizations.iter().map(|partial| partial.iter().max_by_key(|order| order.len()));
        let groups = info.partition_ops.iter().zip(longest).enumerate();
        let unexplained = groups.filter_map(|(number, (group, longest))| {
            let explained = longest.map(Vec::as_slice).unwrap_or_default();
            let (known, all) = (explained.len(), group.len());
            let text = format!("group {number}: {known} of {all} operations explained\n{}", around(group, explained));
            (known < all).then_some(text)
        });
        unexplained.chain([format!("all of it: {}", picture.display())]).collect()
    }
}

/// The last operations that are linearizable, and the first that is not.
fn around(group: &[Operation<Specification>], explained: &[usize]) -> String {
    let line = |at: usize| {
        let Operation { client_id, call_time, return_time, op, .. } = &group[at];
        let (client, from, to) = (client_id.unwrap_or_default(), call_time / 1_000_000, return_time / 1_000_000);
        format!("  {from:>6}–{to:<6} client {client}: {op:?}\n")
    };
    let last = explained.iter().skip(explained.len().saturating_sub(16)).map(|at| line(*at));
    let mut rest: Vec<usize> = (0..group.len()).filter(|at| !explained.contains(at)).collect();
    rest.sort_by_key(|at| group[*at].return_time);
    let rest = rest.into_iter().take(6).map(line);
    format!("explained, last:\n{}not explained, first:\n{}", last.collect::<String>(), rest.collect::<String>())
}
