//! A Lambda Runtime API that gives a function prepared events and measures the time to its answers.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>. It is the closed loop of the latency rows: a
//! sandbox polls for its next event as soon as it has sent the last answer.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::Result;
use crate::http::{Connection, Request, Server};

/// The JSON text of an event.
pub type Event = Arc<str>;

/// Makes an event from the last answer.
type Source = Box<dyn FnMut(&str) -> Event + Send>;

/// When a run ends.
#[derive(Clone, Copy)]
pub enum Until {
    /// After this number of events.
    Count(u64),
    /// After this time.
    Elapsed(Duration),
}

/// The result of a run.
#[derive(Default)]
pub struct Outcome {
    /// The time from sending the event to the end of the answer, in the order of the answers.
    pub latencies: Vec<Duration>,
    pub answer: String,
    /// How many answers were no success (2xx), and one of them.
    pub failures: (u64, String),
}

/// The API of one sandbox.
pub struct RuntimeApi {
    server: Server,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    polled: Option<Instant>,
    closed: bool,
    events: Option<Source>,
    until: Option<Until>,
    began: Option<Instant>,
    handed_out: u64,
    under_way: Vec<(String, Instant)>,
    outcome: Outcome,
}

impl State {
    fn wants_more(&self) -> bool {
        match (self.until, self.began) {
            (Some(Until::Count(count)), _) => {
                self.outcome.latencies.len() as u64 + (self.under_way.len() as u64) < count
            }
            (Some(Until::Elapsed(time)), Some(began)) => began.elapsed() < time,
            _ => false,
        }
    }
}

impl RuntimeApi {
    /// Starts an API without events.
    pub fn start() -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let served = Arc::clone(&shared);
        Ok(Self { server: Server::start(move |connection| serve(&served, connection))?, shared })
    }

    /// The value of `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> &str {
        self.server.address()
    }

    /// Waits for the first poll of the sandbox and returns its time.
    pub fn wait_for_poll(&self, timeout: Duration) -> Option<Instant> {
        let state = self.shared.lock();
        let wait = self.shared.changed.wait_timeout_while(state, timeout, |state| state.polled.is_none());
        let (state, _) = wait.unwrap_or_else(PoisonError::into_inner);
        state.polled
    }

    /// Sends events, each made from the last answer, and waits for the answers.
    pub fn run(&self, until: Until, events: impl FnMut(&str) -> Event + Send + 'static) -> Result<Outcome> {
        let mut state = self.shared.lock();
        state.events = Some(Box::new(events));
        (state.until, state.began, state.outcome) = (Some(until), Some(Instant::now()), Outcome::default());
        self.shared.changed.notify_all();
        loop {
            let answers = state.outcome.latencies.len();
            let wait = self.shared.changed.wait_timeout_while(state, Duration::from_mins(1), |state| {
                state.outcome.latencies.len() == answers && (state.wants_more() || !state.under_way.is_empty())
            });
            let waited = wait.unwrap_or_else(PoisonError::into_inner);
            state = waited.0;
            if !state.wants_more() && state.under_way.is_empty() {
                state.events = None;
                return Ok(std::mem::take(&mut state.outcome));
            }
            if waited.1.timed_out() {
                return Err("the function did not answer for a minute".into());
            }
        }
    }

    /// As [`Self::run`], but fails if an answer is no success.
    pub fn run_ok(&self, until: Until, events: impl FnMut(&str) -> Event + Send + 'static) -> Result<Outcome> {
        let outcome = self.run(until, events)?;
        match &outcome.failures {
            (0, _) => Ok(outcome),
            (failures, one) => Err(format!("{failures} answers were no success, such as {one}").into()),
        }
    }

    /// Sends one event repeatedly.
    pub fn repeat(&self, until: Until, event: &Event) -> Result<Outcome> {
        let event = Arc::clone(event);
        self.run_ok(until, move |_| Arc::clone(&event))
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next event with its id. Waits for one.
    fn next(&self) -> Option<(String, Event)> {
        let mut state = self.lock();
        if state.polled.is_none() {
            state.polled = Some(Instant::now());
            self.changed.notify_all();
        }
        // The time of a run may end between an answer and the next poll.
        if state.until.is_some() && !state.wants_more() {
            self.changed.notify_all();
        }
        let idle = |state: &mut State| !state.closed && (state.events.is_none() || !state.wants_more());
        state = self.changed.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
        let State { closed, events, outcome, .. } = &mut *state;
        let event = (events.as_mut().filter(|_| !*closed)?)(&outcome.answer);
        let number = state.handed_out;
        state.handed_out += 1;
        // As long as the ids of Lambda.
        let id = format!("{number:08x}-8f0f-4b4e-9f3f-6a8a0b3f5d21");
        state.under_way.push((id.clone(), Instant::now()));
        Some((id, event))
    }

    fn answered(&self, request: &Request) {
        let now = Instant::now();
        let mut state = self.lock();
        let Some(index) = state.under_way.iter().position(|(id, _)| request.path.contains(id)) else { return };
        let (_, sent) = state.under_way.swap_remove(index);
        state.outcome.latencies.push(now - sent);
        let text = String::from_utf8_lossy(&request.body).into_owned();
        if !text.contains("\"statusCode\":2") || request.path.ends_with("/error") {
            state.outcome.failures.0 += 1;
            state.outcome.failures.1.clone_from(&text);
        }
        state.outcome.answer = text;
        // Waking the waiting thread takes CPU time from the function, so this happens only at the end.
        if !state.wants_more() && state.under_way.is_empty() {
            self.changed.notify_all();
        }
    }
}

fn serve(shared: &Shared, mut connection: Connection) -> std::io::Result<()> {
    while let Some(request) = connection.receive()? {
        if request.path.ends_with("/next") {
            let Some((id, event)) = shared.next() else { return Ok(()) };
            // Each event has its own trace id, as on Lambda.
            let headers = format!(
                "content-type: application/json\r\nlambda-runtime-aws-request-id: {id}\r\n\
                 lambda-runtime-deadline-ms: 4102444800000\r\n\
                 lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:123456789012:function:bench\r\n\
                 lambda-runtime-trace-id: Root=1-6740a5d1-{}0000;Parent=53995c3f42cd8ad8;Sampled=0\r\n",
                id.get(..20).unwrap_or_default().replace('-', "")
            );
            connection.send("200 OK", &headers, event.as_bytes())?;
        } else {
            shared.answered(&request);
            connection.send("202 Accepted", "", b"")?;
        }
    }
    Ok(())
}
