//! Rules: which calls a fault applies to, and what it does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::gate::Gate;
use super::refusal::Refusal;

/// What happens to a call. `before`: the call never reaches the store. `after`: the call took effect, the answer is
/// lost.
#[derive(Debug, Clone)]
pub enum Fault {
    Refuse(Refusal),
    Cut {
        after: bool,
    },
    Die {
        after: bool,
    },
    Hold {
        after: bool,
        gate: Gate,
    },
    /// The connection is cut at once. The store executes the call when the gate lets it pass, or after this number of
    /// later calls.
    Late {
        gate: Gate,
        within: Option<usize>,
    },
    Delay(Duration),
    Truncate,
    WrongChecksum,
    Stale {
        window: Duration,
    },
    Torn {
        window: Duration,
    },
    EmptyPage,
    PageOf(usize),
    Process(usize),
}

impl Fault {
    /// Whether the fault applies to this call: stale and torn reads only where the real service may return them.
    fn fits(&self, operation: &str, body: &Value) -> bool {
        let is_list = matches!(operation, "Query" | "Scan");
        let on_index = body.get("IndexName").is_some();
        match self {
            Self::Stale { .. } if operation == "BatchGetItem" => true,
            Self::Stale { .. } => {
                (is_list || operation == "GetItem") && (on_index || body["ConsistentRead"] != json!(true))
            }
            Self::Torn { .. } => is_list || operation == "BatchGetItem",
            Self::EmptyPage | Self::PageOf(_) => is_list,
            Self::Process(_) => matches!(operation, "BatchGetItem" | "BatchWriteItem"),
            _ => true,
        }
    }
}

/// Counts how often a fault took place, so that a test can assert that it happened.
#[derive(Debug, Clone, Default)]
pub struct Hits(Arc<AtomicUsize>);

impl Hits {
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Which of the matching calls the rule selects.
#[derive(Debug, Clone, Copy)]
pub(super) enum When {
    Always,
    Nth(usize),
    First(usize),
    Every(usize),
    Chance(f64),
}

/// A condition on a call's body.
pub(super) type Condition = Box<dyn Fn(&Value) -> bool + Send + Sync>;

/// One rule with its fault.
pub(super) struct Rule {
    pub operation: String,
    pub table: Option<String>,
    pub condition: Option<Condition>,
    pub when: When,
    pub fault: Fault,
    pub seen: usize,
    pub seed: u64,
    pub hits: Hits,
}

impl Rule {
    /// Whether the fault needs earlier versions of items.
    pub(super) fn needs_images(&self) -> bool {
        matches!(self.fault, Fault::Stale { .. } | Fault::Torn { .. })
    }

    /// Releases all calls that the rule holds.
    pub(super) fn open(&self) {
        if let Fault::Hold { gate, .. } | Fault::Late { gate, .. } = &self.fault {
            gate.release();
        }
    }

    /// Counts the call if it matches. Returns the fault if the rule selects the call.
    pub(super) fn strikes(&mut self, operation: &str, table: &str, body: &Value) -> Option<(Fault, Hits)> {
        let matches = (self.operation == "*" || self.operation == operation)
            && self.table.as_deref().is_none_or(|wanted| wanted == table)
            && self.fault.fits(operation, body)
            && self.condition.as_ref().is_none_or(|holds| holds(body));
        if !matches {
            return None;
        }
        self.seen += 1;
        let strikes = match self.when {
            When::Always => true,
            When::Nth(n) => self.seen == n,
            When::First(n) => self.seen <= n,
            When::Every(n) => self.seen.is_multiple_of(n),
            // Depends only on the seed and the count, so other calls in between change nothing.
            When::Chance(chance) => unit(self.seed ^ self.seen as u64) < chance,
        };
        strikes.then(|| (self.fault.clone(), self.hits.clone()))
    }
}

/// A pseudo-random number in 0..1 derived from `seed` (`SplitMix64`).
pub fn unit(seed: u64) -> f64 {
    let mut bits = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    f64::from(u32::try_from((bits ^ (bits >> 31)) >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}
