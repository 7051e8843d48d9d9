//! The events that invoke the worker: changes of a table from its stream, and a timer.

use serde::Deserialize;
use terrapi::store::changes::StreamEvent;

/// The payload of an invocation.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum WorkerEvent {
    Changes(StreamEvent),
    /// A timer event: `{"timer": "tasks"}`, as the template configures it.
    Timer {
        timer: Timer,
    },
}

/// The kinds of timer.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Timer {
    /// Wakes tasks and membership checks that no worker holds.
    Tasks,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn scheduled_event_is_distinguished_from_changes() {
        let event = |value: Value| serde_json::from_value::<WorkerEvent>(value);
        assert!(matches!(event(json!({"timer": "tasks"})), Ok(WorkerEvent::Timer { timer: Timer::Tasks })));
        assert!(matches!(event(json!({"Records": []})), Ok(WorkerEvent::Changes(_))));
        assert!(event(json!({"timer": "tea"})).is_err());
    }
}
