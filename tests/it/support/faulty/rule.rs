//! Which calls a fault hits, and what the fault does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::Faulty;
use super::gate::Gate;
use super::wire::Message;

/// What happens to a call. `before`: it never reaches the store; `after`: it took effect, the answer suffers.
#[derive(Debug, Clone)]
pub enum Fault {
    Refuse(Refusal),
    Cut { after: bool },
    Die { after: bool },
    Hold { after: bool, gate: Gate },
    Delay(Duration),
    Truncate,
    WrongChecksum,
    Stale { window: Duration },
    Torn { window: Duration },
    EmptyPage,
    PageOf(usize),
    Process(usize),
}

impl Fault {
    /// Lies are told only where the real service may tell them.
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

/// An error answer of DynamoDB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    ThroughputExceeded,
    Throttling,
    InternalServerError,
    TransactionCanceledByConflict,
    TransactionConflict,
    TransactionInProgress,
    ExpiredCredentials,
}

impl Refusal {
    pub const ALL: [Self; 7] = [
        Self::ThroughputExceeded,
        Self::Throttling,
        Self::InternalServerError,
        Self::TransactionCanceledByConflict,
        Self::TransactionConflict,
        Self::TransactionInProgress,
        Self::ExpiredCredentials,
    ];

    /// The error code that a client reads.
    pub fn code(self) -> &'static str {
        match self {
            Self::ThroughputExceeded => "ProvisionedThroughputExceededException",
            Self::Throttling => "ThrottlingException",
            Self::InternalServerError => "InternalServerError",
            Self::TransactionCanceledByConflict => "TransactionCanceledException",
            Self::TransactionConflict => "TransactionConflictException",
            Self::TransactionInProgress => "TransactionInProgressException",
            Self::ExpiredCredentials => "ExpiredTokenException",
        }
    }

    pub(super) fn answer(self, request: &Value) -> Message {
        let namespace = match self {
            Self::Throttling => "com.amazon.coral.availability",
            Self::ExpiredCredentials => "com.amazon.coral.service",
            _ => "com.amazonaws.dynamodb.v20120810",
        };
        let mut body = json!({ "__type": format!("{namespace}#{}", self.code()), "message": "injected" });
        if self == Self::TransactionCanceledByConflict {
            // One reason per item, as the service gives them; the first is to blame.
            let items = request["TransactItems"].as_array().map_or(1, Vec::len);
            let conflict = json!({ "Code": "TransactionConflict", "Message": "injected" });
            let reason = |at| {
                if at == 0 { conflict.clone() } else { json!({ "Code": "None" }) }
            };
            body["CancellationReasons"] = (0..items).map(reason).collect();
        }
        let status = if self == Self::InternalServerError { 500 } else { 400 };
        Message::answer(status, &body)
    }
}

/// How often a fault took place: for asserting that a test was not vacuous.
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

#[derive(Debug, Clone, Copy)]
enum When {
    Always,
    Nth(usize),
    First(usize),
    Every(usize),
    Chance(f64),
}

type Condition = Box<dyn Fn(&Value) -> bool + Send + Sync>;

/// One line of the plan.
pub(super) struct Rule {
    operation: String,
    table: Option<String>,
    condition: Option<Condition>,
    when: When,
    fault: Fault,
    seen: usize,
    seed: u64,
    hits: Hits,
}

impl Rule {
    /// Whether it needs to know what items were before.
    pub(super) fn lies(&self) -> bool {
        matches!(self.fault, Fault::Stale { .. } | Fault::Torn { .. })
    }

    /// Lets everything on that the rule holds.
    pub(super) fn open(&self) {
        if let Fault::Hold { gate, .. } = &self.fault {
            gate.release();
        }
    }

    /// Counts the call if it matches, and says whether this is one to hit.
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
            // From the seed and the count alone: other calls in between change nothing.
            When::Chance(chance) => unit(self.seed ^ self.seen as u64) < chance,
        };
        strikes.then(|| (self.fault.clone(), self.hits.clone()))
    }
}

/// A number in 0..1 that follows from `seed` (SplitMix64).
pub(super) fn unit(seed: u64) -> f64 {
    let mut bits = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    f64::from(u32::try_from((bits ^ (bits >> 31)) >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

/// A rule in the making: who is hit, then with what. Without a choice of calls, all that match are.
#[must_use = "a rule exists once it has a fault"]
pub struct On<'a> {
    pub(super) faulty: &'a Faulty,
    operation: String,
    table: Option<String>,
    condition: Option<Condition>,
    when: When,
}

impl<'a> On<'a> {
    pub(super) fn new(faulty: &'a Faulty, operation: &str) -> Self {
        Self { faulty, operation: operation.to_owned(), table: None, condition: None, when: When::Always }
    }

    /// Only calls that name this table (the first one, in a batch or a transaction).
    pub fn table(mut self, name: &str) -> Self {
        self.table = Some(name.to_owned());
        self
    }

    /// Only calls whose JSON body satisfies the condition.
    pub fn matching(mut self, condition: impl Fn(&Value) -> bool + Send + Sync + 'static) -> Self {
        self.condition = Some(Box::new(condition));
        self
    }

    /// Only the nth matching call from now on, counted from 1.
    pub fn nth(mut self, n: usize) -> Self {
        self.when = When::Nth(n);
        self
    }

    /// Only the first n matching calls from now on.
    pub fn first(mut self, n: usize) -> Self {
        self.when = When::First(n);
        self
    }

    /// Every nth matching call.
    pub fn every(mut self, n: usize) -> Self {
        self.when = When::Every(n);
        self
    }

    /// Each matching call with this probability (0 to 1), decided by the seed.
    pub fn chance(mut self, probability: f64) -> Self {
        self.when = When::Chance(probability);
        self
    }

    /// An error answer; the call is not forwarded.
    pub fn refuse(self, refusal: Refusal) -> Hits {
        self.add(Fault::Refuse(refusal))
    }

    /// The connection closes without an answer; the call is not forwarded.
    pub fn cut_before_store(self) -> Hits {
        self.add(Fault::Cut { after: false })
    }

    /// The call takes effect; the connection closes without an answer.
    pub fn cut_after_store(self) -> Hits {
        self.add(Fault::Cut { after: true })
    }

    /// The caller dies before this call reaches the store: it and all later calls are cut, until [`Faulty::heal`].
    pub fn die_before_store(self) -> Hits {
        self.add(Fault::Die { after: false })
    }

    /// The caller dies once this call took effect: no answer, all later calls are cut, until [`Faulty::heal`].
    pub fn die_after_store(self) -> Hits {
        self.add(Fault::Die { after: true })
    }

    /// The call takes effect; the answer comes late.
    pub fn delay_answer(self, delay: Duration) -> Hits {
        self.add(Fault::Delay(delay))
    }

    /// The call takes effect; the connection closes in the middle of the answer's body.
    pub fn truncate_answer(self) -> Hits {
        self.add(Fault::Truncate)
    }

    /// The call takes effect; the answer's `x-amz-crc32` is wrong.
    pub fn wrong_checksum(self) -> Hits {
        self.add(Fault::WrongChecksum)
    }

    /// Reads without `ConsistentRead`, and all on an index, see items as they were before their last write, if that was
    /// within the window. Writes are watched from now on. Limits: `lies.rs`.
    pub fn stale(self, window: Duration) -> Hits {
        self.add(Fault::Stale { window })
    }

    /// `Query`, `Scan` and `BatchGetItem`, consistent or not, see a part of a `TransactWriteItems` of the window.
    pub fn torn(self, window: Duration) -> Hits {
        self.add(Fault::Torn { window })
    }

    /// A page of `Query` or `Scan` without items but with a `LastEvaluatedKey`; going on from there loses nothing.
    pub fn empty_page(self) -> Hits {
        self.add(Fault::EmptyPage)
    }

    /// A page of `Query` or `Scan` ends after `items` items, as the 1 MB limit would end it.
    pub fn page_of(self, items: usize) -> Hits {
        self.add(Fault::PageOf(items))
    }

    /// Of a batch only the first `items` are processed, the rest comes back as `UnprocessedKeys` or `UnprocessedItems`.
    pub fn process_only(self, items: usize) -> Hits {
        self.add(Fault::Process(items))
    }

    /// The call waits at a gate before it reaches the store.
    pub fn hold_before_store(self) -> Gate {
        self.hold(false)
    }

    /// The call takes effect; the answer waits at a gate.
    pub fn hold_after_store(self) -> Gate {
        self.hold(true)
    }

    fn hold(self, after: bool) -> Gate {
        let gate = Gate::default();
        self.add(Fault::Hold { after, gate: gate.clone() });
        gate
    }

    fn add(self, fault: Fault) -> Hits {
        let hits = Hits::default();
        let Self { faulty, operation, table, condition, when } = self;
        faulty.shared.add_rule(|seed| Rule {
            operation,
            table,
            condition,
            when,
            fault,
            seen: 0,
            seed,
            hits: hits.clone(),
        });
        hits
    }
}
