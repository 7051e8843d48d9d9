//! Work that must not delay an answer: the audit entry of an exchange, a key's last use.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinHandle;

/// The background tasks of a process.
///
/// Lambda freezes a sandbox between requests. A task that is still running when the answer is sent continues during the
/// next request; by then, its own call has usually been sent.
#[derive(Clone, Debug, Default)]
pub struct Background(Arc<Mutex<Vec<JoinHandle<()>>>>);

impl Background {
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.retain(|task| !task.is_finished());
        tasks.push(tokio::spawn(task));
    }

    /// Waits for all tasks that were started before.
    pub async fn settle(&self) {
        let tasks: Vec<_> = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            if task.await.is_err() {
                tracing::error!("a background task panicked");
            }
        }
    }
}
