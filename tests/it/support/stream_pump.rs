//! Delivers the engine's stream to the worker through the filters in `template.yaml`.

use terrapi::domain::Millis;
use terrapi::store::changes::StreamEvent;
use terrapi_local::Template;
use terrapi_local::changes::Changes;
use worker::{BatchAnswer, work};

use super::TestService;

/// The worker's position in a stream.
pub struct StreamPump {
    changes: Changes,
    /// The position after the last event returned by `peek`.
    shown: Option<String>,
}

impl StreamPump {
    /// Starts at the beginning of the stream of the table with this role.
    pub fn new(service: &TestService, role: &str) -> Self {
        let engine =
            service.backend.engine.as_ref().expect("the embedded engine: its stream is read through the library");
        let template = Template::project().unwrap();
        let table = &template.table(role).unwrap().name;
        let source = template.streams.iter().find(|source| source.table == *table).unwrap();
        Self { changes: Changes::after(engine.embedded(), source.clone(), None), shown: None }
    }

    /// The next event that passes the worker's filters. Does not advance.
    pub fn peek(&mut self) -> Option<StreamEvent> {
        while let Some(batch) = self.changes.read_batch().unwrap() {
            let event = batch.event();
            self.shown = Some(batch.position);
            if !batch.records.is_empty() {
                return Some(serde_json::from_value(event).unwrap());
            }
            self.accept();
        }
        None
    }

    /// Handles all events, including new ones, without a deadline.
    pub async fn run(&mut self, service: &TestService) -> Vec<BatchAnswer> {
        self.run_until(service, Millis(i64::MAX)).await
    }

    /// Like [`Self::run`], with the deadline `until` for each invocation. Stops at the first failure.
    pub async fn run_until(&mut self, service: &TestService, until: Millis) -> Vec<BatchAnswer> {
        let mut answers = Vec::new();
        while let Some(answer) = self.step(service, until).await {
            answers.push(answer);
            if answers.last().is_some_and(|answer| !answer.failures.is_empty()) {
                break;
            }
        }
        answers
    }

    /// Runs one invocation, if an event passes the filters.
    pub async fn step(&mut self, service: &TestService, until: Millis) -> Option<BatchAnswer> {
        let event = self.peek()?;
        let answer = work(&service.app_of("worker"), event, until).await;
        if answer.failures.is_empty() {
            self.accept();
        }
        Some(answer)
    }

    /// Advances past the event returned by [`Self::peek`].
    pub fn accept(&mut self) {
        self.changes.accept(self.shown.take().unwrap());
    }
}
