//! A gate that holds calls until a test releases them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// How long a test waits for calls to arrive at a gate before it panics.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, Default)]
struct State {
    arrived: usize,
    passed: usize,
    /// The total number of calls that may pass.
    allowed: usize,
}

/// Holds calls. All clones control the same gate.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<watch::Sender<State>>);

impl Gate {
    /// Waits until `calls` calls in total have reached the gate, including released ones. Panics after ten seconds.
    pub async fn arrived(&self, calls: usize) {
        let mut state = self.0.subscribe();
        let arrived = state.wait_for(|state| state.arrived >= calls);
        let in_time = timeout(PATIENCE, arrived).await.is_ok();
        assert!(in_time, "{calls} calls expected at the gate: {:?}", self.0.borrow());
    }

    /// The number of calls waiting now.
    pub fn waiting(&self) -> usize {
        let state = self.0.borrow();
        state.arrived - state.passed
    }

    /// Releases one call: the first that waits, or else the next to arrive.
    pub fn release_one(&self) {
        self.0.send_modify(|state| state.allowed = state.allowed.saturating_add(1));
    }

    /// Opens the gate permanently.
    pub fn release(&self) {
        self.0.send_modify(|state| state.allowed = usize::MAX);
    }

    pub(super) async fn pass(&self) {
        self.0.send_modify(|state| state.arrived += 1);
        let mut changes = self.0.subscribe();
        loop {
            let passed = self.0.send_if_modified(|state| {
                let passes = state.passed < state.allowed;
                state.passed += usize::from(passes);
                passes
            });
            if passed || changes.changed().await.is_err() {
                return;
            }
        }
    }
}
