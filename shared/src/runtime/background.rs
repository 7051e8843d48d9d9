//! Work that must not delay an answer: the audit entry of an exchange, a key's last use.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinHandle;

/// Tasks under way.
///
/// Lambda freezes a sandbox between requests; a task that was sent off before the answer goes on with the next one, and
/// its request has usually left by then.
#[derive(Clone, Debug, Default)]
pub struct Background(Arc<Mutex<Vec<JoinHandle<()>>>>);

impl Background {
    /// Starts a task.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.retain(|task| !task.is_finished());
        tasks.push(tokio::spawn(task));
    }

    /// Waits for every task started so far.
    pub async fn settle(&self) {
        let tasks: Vec<_> = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            if task.await.is_err() {
                tracing::error!("a background task panicked");
            }
        }
    }
}
