//! Records every storage call and its cost as counted by the store.

use std::fmt;
use std::future::Future;
use std::sync::Mutex;

use serde_json::Value;

use super::wire::Message;

/// One storage call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// `GetItem`, `TransactWriteItems`, …
    pub operation: String,
    /// The first table it names.
    pub table: String,
    /// Consumed read units.
    pub read_units: f64,
    /// Consumed write units. 0 for a refused write: it costs as much, but the store does not report it.
    pub write_units: f64,
    /// The store's HTTP status; `None` when the call never reached the store.
    pub status: Option<u16>,
    /// The store's error code.
    pub error: Option<String>,
    /// The request body as sent by the client.
    pub request: Value,
}

impl Call {
    pub(super) fn new(operation: &str, table: &str, request: &Value) -> Self {
        Self {
            operation: operation.to_owned(),
            table: table.to_owned(),
            read_units: 0.0,
            write_units: 0.0,
            status: None,
            error: None,
            request: request.clone(),
        }
    }

    pub(super) fn settle(&mut self, answer: &Message) {
        let body = answer.json();
        let units = match &body["ConsumedCapacity"] {
            Value::Array(tables) => tables.iter().filter_map(|table| table["CapacityUnits"].as_f64()).sum(),
            table => table["CapacityUnits"].as_f64().unwrap_or(0.0),
        };
        if is_write(&self.operation) {
            self.write_units = units;
        } else {
            self.read_units = units;
        }
        self.status = Some(answer.status());
        self.error = answer.error_code();
    }
}

/// `GetItem 0.5 RU`, `UpdateItem 1.0 WU`, `PutItem 0.0 WU ConditionalCheckFailedException`, `Query unsent`.
impl fmt::Display for Call {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.status.is_none() {
            return write!(out, "{} unsent", self.operation);
        }
        let (units, unit) = if is_write(&self.operation) { (self.write_units, "WU") } else { (self.read_units, "RU") };
        write!(out, "{} {units:.1} {unit}", self.operation)?;
        self.error.iter().try_for_each(|code| write!(out, " {code}"))
    }
}

/// Every call since the last `take`, in order of arrival.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    calls: Vec<Call>,
    /// The number of calls taken so far, which is the number of the first call in `calls`.
    taken: usize,
}

impl Ledger {
    /// Removes and returns the recorded calls.
    pub fn take(&self) -> Vec<Call> {
        let mut book = self.0.lock().unwrap();
        book.taken += book.calls.len();
        std::mem::take(&mut book.calls)
    }

    /// Like [`Ledger::take`], formatted as lines of text.
    pub fn take_lines(&self) -> Vec<String> {
        self.take().iter().map(Call::to_string).collect()
    }

    /// Clears the ledger, runs `work`, and returns its result with the calls it made. Nothing else may run meanwhile.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> (T, Vec<Call>) {
        self.take();
        let result = work.await;
        (result, self.take())
    }

    /// Records a call on arrival. Returns its number for [`Ledger::settle`].
    pub(super) fn enter(&self, call: Call) -> usize {
        let mut book = self.0.lock().unwrap();
        book.calls.push(call);
        book.taken + book.calls.len() - 1
    }

    /// Records the store's answer, unless the call was already taken.
    pub(super) fn settle(&self, number: usize, answer: &Message) {
        let mut book = self.0.lock().unwrap();
        let at = number.checked_sub(book.taken);
        if let Some(call) = at.and_then(|at| book.calls.get_mut(at)) {
            call.settle(answer);
        }
    }
}

fn is_write(operation: &str) -> bool {
    matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems")
}

/// Whether the operation supports `ReturnConsumedCapacity`.
pub(super) fn is_metered(operation: &str) -> bool {
    is_write(operation) || matches!(operation, "GetItem" | "Query" | "Scan" | "BatchGetItem" | "TransactGetItems")
}
