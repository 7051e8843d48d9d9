//! Keeps the worker from deleting objects while a backup copies them.
//!
//! Only the worker deletes objects, and only when a change is delivered to it. A delivery holds a shared lock on a file
//! in the data folder, and a backup holds it exclusively. The operating system does not make new shared locks wait for
//! an exclusive one, so a backup might never get it while changes follow one another closely. Therefore a delivery first
//! passes a second lock, the turnstile, which a backup closes before it waits.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::error::{Error, Result};

const DELIVERIES: &str = "deliveries.lock";
const TURNSTILE: &str = "deliveries-turnstile.lock";
/// How often a lock that somebody else holds is tried.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Creates both files. The process that serves the folder does this, so that they belong to its user even if another
/// one makes the backups.
pub(crate) fn create(folder: &Path) -> io::Result<()> {
    [DELIVERIES, TURNSTILE].into_iter().try_for_each(|name| open(folder, name).map(drop))
}

/// Waits while a backup is being made. The delivery lasts as long as the result exists.
///
/// # Errors
/// [`Error::DataFolder`].
pub async fn begin_delivery(folder: &Path) -> Result<File> {
    loop {
        // The turnstile is passed, not held.
        if shared(folder, TURNSTILE)?.is_some()
            && let Some(delivery) = shared(folder, DELIVERIES)?
        {
            return Ok(delivery);
        }
        sleep(POLL_INTERVAL).await;
    }
}

/// No delivery runs as long as this exists.
pub struct NoDeliveries {
    _turnstile: File,
    _deliveries: File,
}

impl NoDeliveries {
    /// Waits at most for `longest` until the running deliveries have ended, and lets no other begin.
    ///
    /// # Errors
    /// [`Error::DeliveriesRunning`], or [`Error::DataFolder`].
    pub fn wait(folder: &Path, longest: Duration) -> Result<Self> {
        let end = Instant::now() + longest;
        Ok(Self { _turnstile: exclusive(folder, TURNSTILE, end)?, _deliveries: exclusive(folder, DELIVERIES, end)? })
    }
}

fn shared(folder: &Path, name: &str) -> Result<Option<File>> {
    let unusable = |source| Error::DataFolder { path: folder.join(name), source };
    let file = open(folder, name).map_err(unusable)?;
    match file.try_lock_shared() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

fn exclusive(folder: &Path, name: &str, end: Instant) -> Result<File> {
    let unusable = |source| Error::DataFolder { path: folder.join(name), source };
    let file = open(folder, name).map_err(unusable)?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
            Err(TryLockError::WouldBlock) if Instant::now() < end => thread::sleep(POLL_INTERVAL),
            Err(TryLockError::WouldBlock) => return Err(Error::DeliveriesRunning { path: folder.to_owned() }),
        }
    }
}

/// Opened for reading if it exists, which is enough for a lock.
fn open(folder: &Path, name: &str) -> io::Result<File> {
    let path = folder.join(name);
    match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            File::options().create(true).append(true).mode(0o600).open(path)
        }
        opened => opened,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn backup_waits_for_deliveries_and_holds_new_ones_back() {
        let folder = std::env::temp_dir().join(format!("terrapi-delivery-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let wait = |longest| NoDeliveries::wait(&folder, Duration::from_millis(longest));
        let (one, two) = (begin_delivery(&folder).await.unwrap(), begin_delivery(&folder).await.unwrap());
        assert!(matches!(wait(0), Err(Error::DeliveriesRunning { .. })));
        drop(one);
        assert!(matches!(wait(50), Err(Error::DeliveriesRunning { .. })));
        drop(two);
        let backup = wait(0).unwrap();
        let delivery = tokio::time::timeout(Duration::from_millis(100), begin_delivery(&folder));
        assert!(delivery.await.is_err());
        drop(backup);
        begin_delivery(&folder).await.unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[tokio::test]
    async fn closed_turnstile_holds_new_deliveries_back_while_one_runs() {
        let folder = std::env::temp_dir().join(format!("terrapi-turnstile-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let running = begin_delivery(&folder).await.unwrap();
        let closed = exclusive(&folder, TURNSTILE, Instant::now()).unwrap();
        let next = tokio::time::timeout(Duration::from_millis(100), begin_delivery(&folder));
        assert!(next.await.is_err());
        drop((running, closed));
        begin_delivery(&folder).await.unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
