//! What invokes the worker: the changes of a table, as its stream delivers them, and a timer.

use serde::Deserialize;
use terrapi::store::changes::StreamEvent;

/// An invocation's payload.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum WorkerEvent {
    /// Changes of a table.
    Changes(StreamEvent),
    /// A timer's tick: `{"timer": "tasks"}`, as the template gives it.
    Timer {
        /// What it is time for.
        timer: Timer,
    },
}

/// What there is a timer for.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Timer {
    /// Tasks that nobody works on.
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
