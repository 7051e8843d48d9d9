//! What stands between a table's stream and the worker: the engine's own stream, through the template's own filters.

use terrapi::domain::Millis;
use terrapi::store::changes::StreamEvent;
use terrapi_local::Template;
use terrapi_local::changes::Changes;
use worker::{BatchAnswer, work};

use super::TestService;

/// The worker's place in a stream.
pub struct StreamPump {
    changes: Changes,
    /// Where the stream stands after what was shown last.
    shown: Option<String>,
}

impl StreamPump {
    /// At the beginning of the stream of the table of that role.
    pub fn new(service: &TestService, role: &str) -> Self {
        let engine =
            service.backend.engine.as_ref().expect("the embedded engine: its stream is read through the library");
        let template = Template::project().unwrap();
        let table = &template.table(role).unwrap().name;
        let source = template.streams.iter().find(|source| source.table == *table).unwrap();
        Self { changes: Changes::after(engine.database().clone(), source.clone(), None), shown: None }
    }

    /// The next event that has something for the worker, without moving on.
    pub fn peek(&mut self) -> Option<StreamEvent> {
        while let Some(batch) = self.changes.next().unwrap() {
            let event = batch.event();
            self.shown = Some(batch.position);
            if !batch.records.is_empty() {
                return Some(serde_json::from_value(event).unwrap());
            }
            self.accept();
        }
        None
    }

    /// Works off what there is, also what comes up meanwhile, with all the time in the service.
    pub async fn run(&mut self, service: &TestService) -> Vec<BatchAnswer> {
        self.run_until(service, Millis(i64::MAX)).await
    }

    /// As [`Self::run`], in invocations that end at `until`. It stops at the first that fails.
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

    /// One invocation, if there is anything for the worker.
    pub async fn step(&mut self, service: &TestService, until: Millis) -> Option<BatchAnswer> {
        let event = self.peek()?;
        let answer = work(&service.app_of("worker"), event, until).await;
        if answer.failures.is_empty() {
            self.accept();
        }
        Some(answer)
    }

    /// Moves past what [`Self::peek`] showed, and no further.
    pub fn accept(&mut self) {
        self.changes.accept(self.shown.take().unwrap());
    }
}
