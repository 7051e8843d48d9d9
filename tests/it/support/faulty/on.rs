//! The builder for rules: `faulty.on("UpdateItem").nth(1).cut_after_store()`.

use std::time::Duration;

use serde_json::Value;

use super::Faulty;
use super::gate::Gate;
use super::refusal::Refusal;
use super::rule::{Condition, Fault, Hits, Rule, When};

/// A rule under construction: first the calls it selects, then the fault. Selects all matching calls by default.
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

    /// Returns an error answer; the call is not forwarded.
    pub fn refuse(self, refusal: Refusal) -> Hits {
        self.add(Fault::Refuse(refusal))
    }

    /// Closes the connection without an answer; the call is not forwarded.
    pub fn cut_before_store(self) -> Hits {
        self.add(Fault::Cut { after: false })
    }

    /// Forwards the call, which takes effect, and closes the connection without an answer.
    pub fn cut_after_store(self) -> Hits {
        self.add(Fault::Cut { after: true })
    }

    /// The caller dies before this call reaches the store: this and all later calls are cut until [`Faulty::heal`].
    pub fn die_before_store(self) -> Hits {
        self.add(Fault::Die { after: false })
    }

    /// The caller dies after this call took effect: no answer, and all later calls are cut until [`Faulty::heal`].
    pub fn die_after_store(self) -> Hits {
        self.add(Fault::Die { after: true })
    }

    /// The call takes effect; the answer is delayed.
    pub fn delay_answer(self, delay: Duration) -> Hits {
        self.add(Fault::Delay(delay))
    }

    /// The call takes effect; the connection closes in the middle of the response body.
    pub fn truncate_answer(self) -> Hits {
        self.add(Fault::Truncate)
    }

    /// The call takes effect; the response header `x-amz-crc32` is wrong.
    pub fn wrong_checksum(self) -> Hits {
        self.add(Fault::WrongChecksum)
    }

    /// Reads without `ConsistentRead`, and all reads on an index, see items as they were before their last write, if
    /// that was within the window. Writes are recorded from now on. Limits: `stale.rs`.
    pub fn stale(self, window: Duration) -> Hits {
        self.add(Fault::Stale { window })
    }

    /// `Query`, `Scan` and `BatchGetItem`, consistent or not, see part of a `TransactWriteItems` made within the
    /// window.
    pub fn torn(self, window: Duration) -> Hits {
        self.add(Fault::Torn { window })
    }

    /// Returns a page of `Query` or `Scan` without items but with a `LastEvaluatedKey`. Continuing from it loses
    /// nothing.
    pub fn empty_page(self) -> Hits {
        self.add(Fault::EmptyPage)
    }

    /// Ends a page of `Query` or `Scan` after `items` items, as the 1 MB limit would.
    pub fn page_of(self, items: usize) -> Hits {
        self.add(Fault::PageOf(items))
    }

    /// Processes only the first `items` of a batch and returns the rest as `UnprocessedKeys` or `UnprocessedItems`.
    pub fn process_only(self, items: usize) -> Hits {
        self.add(Fault::Process(items))
    }

    /// Holds the call at a gate before it reaches the store.
    pub fn hold_before_store(self) -> Gate {
        self.hold(false)
    }

    /// Forwards the call, which takes effect, and holds the answer at a gate.
    pub fn hold_after_store(self) -> Gate {
        self.hold(true)
    }

    /// Closes the connection without an answer. The store executes the call when the gate lets it pass, like a call
    /// that was still in transit when its caller gave up. [`Faulty::settled`] waits for it.
    pub fn store_late(self) -> Gate {
        let gate = Gate::default();
        self.add(Fault::Late { gate: gate.clone(), within: None });
        gate
    }

    /// Like [`On::store_late`], but the store executes the call after 1 to `calls` later calls, a number drawn from the
    /// seed. [`Faulty::heal`] releases calls that still wait.
    pub fn store_late_within(self, calls: usize) -> Hits {
        self.add(Fault::Late { gate: Gate::default(), within: Some(calls) })
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
