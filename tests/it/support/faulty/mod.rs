//! A `DynamoDB` endpoint with fault injection: a loopback proxy between a client and an engine.
//!
//! Embedded engines do not throttle, do not report transaction conflicts, lose no answers and never read stale data.
//! Rules add these faults per operation and per call. The same seed gives the same faults.
//!
//! ```ignore
//! let faulty = Faulty::start(&engine_endpoint, 7).await;
//! let client = client_of(faulty.endpoint());
//! let cut = faulty.on("UpdateItem").nth(1).cut_after_store();
//! // … one update through `client`: the write is stored, the client gets no answer …
//! assert_eq!(cut.count(), 1);
//! assert_eq!(faulty.ledger().take_lines(), ["UpdateItem 1.0 WU", "UpdateItem 0.0 WU ConditionalCheckFailedException"]);
//! faulty.heal();
//! ```

mod caller;
mod gate;
mod items;
mod ledger;
mod listing;
mod on;
mod pages;
mod refusal;
mod rule;
mod serve;
mod stale;
pub mod wire;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

pub use caller::{access_key_id, caller_of};
pub use gate::Gate;
pub use ledger::{Call, Ledger};
pub use on::On;
pub use refusal::Refusal;
pub use rule::{Fault, Hits, unit};

use rule::Rule;
use wire::Message;

/// Says what a caller, named by its access key id, may not do of a call.
pub type Judge = Arc<dyn Fn(&str, &str, &Value) -> Option<String> + Send + Sync>;

/// The proxy. It listens on a free loopback port and stops when dropped.
pub struct Faulty {
    endpoint: String,
    shared: Arc<Shared>,
    listening: AbortHandle,
}

impl Faulty {
    /// Starts a proxy without rules in front of `engine` (`http://host:port`).
    pub async fn start(engine: &str, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared::new(engine, seed));
        let proxy = Arc::clone(&shared);
        let listening = tokio::spawn(async move {
            // The set owns the connections and ends them when it is dropped.
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                connections.spawn(serve::connection(Arc::clone(&proxy), socket));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { endpoint, shared, listening: listening.abort_handle() }
    }

    /// The proxy's URL: `http://127.0.0.1:port`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Begins a rule for one operation (`UpdateItem`) or for all (`*`). When several rules match a call, each of them
    /// counts it and the first rule that selects it decides the fault.
    pub fn on(&self, operation: &str) -> On<'_> {
        On::new(self, operation)
    }

    /// Removes all rules, opens all gates, and ends the effect of a death rule.
    pub fn heal(&self) {
        for rule in self.shared.rules.lock().unwrap().drain(..) {
            rule.open();
        }
        self.shared.dead.store(false, Ordering::SeqCst);
    }

    /// Whether a death rule has taken effect since the last [`Faulty::heal`].
    pub fn is_dead(&self) -> bool {
        self.shared.is_dead()
    }

    /// Waits until the store has executed every late call. Their gates must be open: see [`Faulty::heal`].
    pub async fn settled(&self) {
        loop {
            let mut late = std::mem::take(&mut *self.shared.late.lock().unwrap());
            if late.is_empty() {
                return;
            }
            while late.join_next().await.is_some() {}
        }
    }

    /// Every call that reached the proxy, and its cost.
    pub fn ledger(&self) -> &Ledger {
        &self.shared.ledger
    }

    /// Checks every later call with `judge`. A refused call gets IAM's answer and fails the test.
    pub fn judge_by(&self, judge: Judge) {
        *self.shared.judge.lock().unwrap() = Some(judge);
    }

    /// Starts recording writes for stale or torn reads added later. Adding such a rule also does this.
    pub fn watch_writes(&self) {
        self.shared.watching.store(true, Ordering::SeqCst);
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.listening.abort();
        self.shared.late.lock().unwrap().abort_all();
        let denied = self.shared.denied.lock().unwrap();
        assert!(std::thread::panicking() || denied.is_empty(), "calls that their callers may not make: {denied:?}");
    }
}

/// The state shared by the handle and the connections.
struct Shared {
    engine: String,
    seed: u64,
    rules: Mutex<Vec<Rule>>,
    /// The number of rules added so far. A rule's random choices depend on the seed and this number.
    rules_added: AtomicU64,
    dead: AtomicBool,
    watching: AtomicBool,
    /// The number of calls so far.
    calls: watch::Sender<usize>,
    /// Calls that their caller has abandoned and the store has not executed yet.
    late: Mutex<JoinSet<()>>,
    ledger: Ledger,
    images: stale::Images,
    resumes: pages::Resumes,
    judge: Mutex<Option<Judge>>,
    /// Calls that the judge refused.
    denied: Mutex<Vec<String>>,
}

impl Shared {
    fn new(engine: &str, seed: u64) -> Self {
        Self {
            engine: engine.to_owned(),
            seed,
            rules: Mutex::default(),
            rules_added: AtomicU64::new(0),
            dead: AtomicBool::new(false),
            watching: AtomicBool::new(false),
            calls: watch::Sender::default(),
            late: Mutex::default(),
            ledger: Ledger::default(),
            images: stale::Images::default(),
            resumes: pages::Resumes::default(),
            judge: Mutex::default(),
            denied: Mutex::default(),
        }
    }

    fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    fn add_rule(&self, rule: impl FnOnce(u64) -> Rule) {
        let number = self.rules_added.fetch_add(1, Ordering::SeqCst) + 1;
        let rule = rule(self.seed.wrapping_add(number << 32));
        if rule.needs_images() {
            self.watching.store(true, Ordering::SeqCst);
        }
        self.rules.lock().unwrap().push(rule);
    }

    /// The refusal answer for a call outside its caller's role.
    fn judge(&self, request: &Message, operation: &str, body: &Value) -> Option<Message> {
        let caller = caller_of(request.header("authorization")?)?;
        let judge = self.judge.lock().unwrap().clone()?;
        let refusal = judge(&caller, operation, body)?;
        let kind = "com.amazon.coral.service#AccessDeniedException";
        let answer = Message::answer(400, &json!({ "__type": kind, "Message": refusal }));
        self.denied.lock().unwrap().push(refusal);
        Some(answer)
    }

    /// The fault that applies to a call, if any.
    fn verdict(&self, operation: &str, table: &str, body: &Value) -> Option<(Fault, Hits)> {
        let mut rules = self.rules.lock().unwrap();
        let strikes = rules.iter_mut().filter_map(|rule| rule.strikes(operation, table, body));
        strikes.collect::<Vec<_>>().into_iter().next()
    }
}
