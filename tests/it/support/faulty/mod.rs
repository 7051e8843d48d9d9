//! A `DynamoDB` endpoint that fails on demand: a loopback proxy between a client and an engine.
//!
//! Embedded engines hide what makes storage hard: nothing throttles, no transaction conflicts, no answer is lost, every
//! read is fresh. A plan of rules adds that, per operation and per call, and the same seed gives the same faults.
//!
//! ```ignore
//! let faulty = Faulty::start(&engine_endpoint, 7).await;
//! let client = client_of(faulty.endpoint());
//! let cut = faulty.on("UpdateItem").nth(1).cut_after_store();
//! // … one update through `client`: it stands, the client never hears of it …
//! assert_eq!(cut.count(), 1);
//! assert_eq!(faulty.ledger().take_lines(), ["UpdateItem 1.0 WU", "UpdateItem 0.0 WU ConditionalCheckFailedException"]);
//! faulty.heal();
//! ```

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

pub use gate::Gate;
pub use ledger::{Call, Ledger};
pub use on::On;
pub use refusal::Refusal;
pub use rule::{Fault, Hits, unit};

use rule::Rule;
use wire::Message;

/// Says what a caller, named by its access key id, may not do of a call.
pub type Judge = fn(&str, &str, &Value) -> Option<String>;

/// The proxy. It listens on a free loopback port and stops when dropped.
pub struct Faulty {
    endpoint: String,
    shared: Arc<Shared>,
    listening: AbortHandle,
}

impl Faulty {
    /// Starts a proxy in front of `engine` (`http://host:port`), without any rule.
    pub async fn start(engine: &str, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared::new(engine, seed));
        let proxy = Arc::clone(&shared);
        let listening = tokio::spawn(async move {
            // The connections live in this set and end with it.
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                connections.spawn(serve::connection(Arc::clone(&proxy), socket));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { endpoint, shared, listening: listening.abort_handle() }
    }

    /// Where a client finds it: `http://127.0.0.1:port`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Begins a rule for an operation (`UpdateItem`), or for all with `*`. Several rules may match a call: each counts
    /// it, and the first that strikes decides.
    pub fn on(&self, operation: &str) -> On<'_> {
        On::new(self, operation)
    }

    /// Ends all rules, opens all gates, and lets a dead caller live again.
    pub fn heal(&self) {
        for rule in self.shared.rules.lock().unwrap().drain(..) {
            rule.open();
        }
        self.shared.dead.store(false, Ordering::SeqCst);
    }

    /// Whether a death rule has struck and nothing was healed since.
    pub fn is_dead(&self) -> bool {
        self.shared.is_dead()
    }

    /// Waits until the store has executed every call whose fault made it late. Their gates must be open: see
    /// [`Faulty::heal`].
    pub async fn settled(&self) {
        loop {
            let mut late = std::mem::take(&mut *self.shared.late.lock().unwrap());
            if late.is_empty() {
                return;
            }
            while late.join_next().await.is_some() {}
        }
    }

    /// Every call that came here, and what it cost.
    pub fn ledger(&self) -> &Ledger {
        &self.shared.ledger
    }

    /// From now on every call is judged first. One that is refused is answered as IAM would, and fails the test.
    pub fn judge_by(&self, judge: Judge) {
        *self.shared.judge.lock().unwrap() = Some(judge);
    }

    /// Remembers what writes change, from now on, for a lie that is added later. Adding a lie does this too.
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

/// What the handle and the connections share.
struct Shared {
    engine: String,
    seed: u64,
    rules: Mutex<Vec<Rule>>,
    /// How many rules there ever were. Their draws follow from the seed and their number.
    rules_added: AtomicU64,
    dead: AtomicBool,
    watching: AtomicBool,
    /// How many calls have come.
    calls: watch::Sender<usize>,
    /// Calls that their caller has given up and the store has not executed yet.
    late: Mutex<JoinSet<()>>,
    ledger: Ledger,
    images: stale::Images,
    resumes: pages::Resumes,
    judge: Mutex<Option<Judge>>,
    /// The calls that the judge refused.
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
        if rule.lies() {
            self.watching.store(true, Ordering::SeqCst);
        }
        self.rules.lock().unwrap().push(rule);
    }

    /// The refusal of a call that its caller may not make.
    fn judge(&self, request: &Message, operation: &str, body: &Value) -> Option<Message> {
        let credential = request.header("authorization")?.split_once("Credential=")?.1;
        let judge = (*self.judge.lock().unwrap())?;
        let refusal = judge(credential.split('/').next()?, operation, body)?;
        let kind = "com.amazon.coral.service#AccessDeniedException";
        let answer = Message::answer(400, &json!({ "__type": kind, "Message": refusal }));
        self.denied.lock().unwrap().push(refusal);
        Some(answer)
    }

    /// What is to happen to a call, if anything.
    fn verdict(&self, operation: &str, table: &str, body: &Value) -> Option<(Fault, Hits)> {
        let mut rules = self.rules.lock().unwrap();
        let strikes = rules.iter_mut().filter_map(|rule| rule.strikes(operation, table, body));
        strikes.collect::<Vec<_>>().into_iter().next()
    }
}
