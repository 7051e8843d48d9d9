//! Group commit: writes that come together share one sync of SQLite's write-ahead log.
//!
//! With `synchronous = NORMAL`, SQLite appends each commit to the log but syncs the log only before a checkpoint. The
//! database is then always consistent, but a power cut can take back the last commits. So nobody is answered before a
//! sync that began after the commit: a reader too, who may have seen a commit that is not on disk yet.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::watch;

use crate::error::{Error, Result};

/// Syncs a log on its own thread, which ends when this is dropped.
pub struct Journal {
    shared: Arc<Shared>,
    /// How many writes are on disk, or why the disk refused them.
    synced: watch::Receiver<std::result::Result<u64, Arc<io::Error>>>,
}

#[derive(Default)]
struct Shared {
    /// Held during each call of the engine: a call that sees a commit begins after that commit was counted.
    calls: Mutex<()>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// How many writes have been committed to the log.
    written: u64,
    closed: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal {
    /// Syncs the write-ahead log of this database file.
    ///
    /// # Errors
    /// [`Error::Io`] if the log cannot be opened.
    pub fn open(database: &Path) -> Result<Self> {
        let mut log = database.as_os_str().to_owned();
        log.push("-wal");
        let log = File::open(log)?;
        // The log may be new: its name must be on disk too.
        if let Some(folder) = database.parent() {
            File::open(folder)?.sync_all()?;
        }
        log.sync_all()?;
        let (sender, synced) = watch::channel(Ok(0));
        let shared = Arc::<Shared>::default();
        let worker = Arc::clone(&shared);
        thread::Builder::new().name("journal".to_owned()).spawn(move || sync(&worker, &log, &sender))?;
        Ok(Self { shared, synced })
    }

    /// Calls the engine, and counts a write if `wrote` says that the call may have been one.
    pub fn call<T>(&self, call: impl FnOnce() -> T, wrote: impl FnOnce(&T) -> bool) -> T {
        let _calls = self.shared.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = call();
        if wrote(&outcome) {
            self.shared.state().written += 1;
            self.shared.changed.notify_one();
        }
        outcome
    }

    /// Waits until every write so far is on disk.
    ///
    /// # Errors
    /// [`Error::Io`] if the disk refused one. It is unknown which writes it keeps, so every later call fails too.
    pub async fn durable(&self) -> Result<()> {
        let written = {
            let _calls = self.shared.calls.lock().unwrap_or_else(PoisonError::into_inner);
            self.shared.state().written
        };
        let mut synced = self.synced.clone();
        let reached = synced.wait_for(|synced| synced.as_ref().map_or(true, |synced| *synced >= written)).await;
        let outcome = reached.map_err(|_| Error::Io(io::Error::other("the journal has stopped")))?;
        outcome.as_ref().map(|_| ()).map_err(|error| Error::Io(io::Error::new(error.kind(), error.to_string())))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.changed.notify_one();
    }
}

fn sync(shared: &Shared, log: &File, synced: &watch::Sender<std::result::Result<u64, Arc<io::Error>>>) {
    let mut done = 0;
    loop {
        let waiting = shared.changed.wait_while(shared.state(), |state| state.written == done && !state.closed);
        let state = waiting.unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return;
        }
        let written = state.written;
        drop(state);
        match log.sync_data() {
            Ok(()) => done = written,
            Err(error) => {
                tracing::error!(%error, "the disk refused a sync; the process must be restarted");
                let _ = synced.send_replace(Err(Arc::new(error)));
                return;
            }
        }
        let _ = synced.send_replace(Ok(done));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_counted_write_is_synced() {
        let folder = std::env::temp_dir().join(format!("terrapi-journal-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("data-wal"), "x").unwrap();
        let journal = Journal::open(&folder.join("data")).unwrap();
        journal.durable().await.unwrap();
        for wrote in [true, false, true, true] {
            journal.call(|| (), |()| wrote);
        }
        journal.durable().await.unwrap();
        assert_eq!(*journal.synced.borrow().as_ref().unwrap(), 3);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
