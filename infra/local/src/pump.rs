//! Delivers a table's changes to the function that subscribes to them, as Lambda's event source does: in order, with
//! retries, and into a file if they keep failing. Also deletes expired items, which AWS does by itself.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use dynoxide::Database;
use serde_json::Value;

use crate::{
    changes::{Batch, Changes},
    error::{Error, Result},
    template::StreamSource,
};

/// The interval at which the stream is read.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// The interval at which expired items are deleted.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);
/// The first backoff after a failure. Each further one is twice as long, up to [`MAX_BACKOFF`].
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
const MAX_BACKOFF: Duration = Duration::from_secs(10);
/// Longer than the timeout of the function.
const INVOCATION_TIMEOUT: Duration = Duration::from_secs(150);

/// Delivers one event source until it is dropped.
pub struct LocalStreamPump {
    changes: Changes,
    client: reqwest::Client,
    url: String,
    position: PathBuf,
    dead_letters: PathBuf,
}

/// The result of an invocation.
enum Outcome {
    /// Every change was processed.
    Accepted,
    /// Changes up to this sequence number were processed (`None`: no change). The rest must be retried.
    Partial(Option<String>),
    /// The function returned an error.
    Failed(String),
    /// The function did not answer.
    Unreachable(String),
}

impl LocalStreamPump {
    /// Delivers a table's stream to `base_url`, the URL of the emulator. The position is stored in `folder`.
    ///
    /// # Errors
    /// [`Error::DataFolder`] if a stored position cannot be read.
    pub fn new(database: Database, source: StreamSource, base_url: &str, folder: &Path) -> Result<Self> {
        let position = folder.join(format!("{}-{}.position", source.table, source.function));
        let last = match fs::read_to_string(&position) {
            Ok(text) => Some(text.trim().to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(Error::DataFolder { path: position, source }),
        };
        let url = format!("{base_url}/2015-03-31/functions/{}/invocations", source.function);
        let dead_letters = folder.join(format!("{}-dead-letters.jsonl", source.function));
        let changes = Changes::after(database, source, last);
        Ok(Self { changes, client: client()?, url, position, dead_letters })
    }

    /// Delivers changes forever. Failures are logged and retried.
    pub async fn run(mut self) {
        let mut backoff = FIRST_BACKOFF;
        let mut failures = 0;
        loop {
            match self.step(&mut failures).await {
                Ok(true) => backoff = FIRST_BACKOFF,
                Ok(false) => tokio::time::sleep(POLL_INTERVAL).await,
                Err(reason) => {
                    tracing::warn!(%reason, "a change could not be delivered and is being retried");
                    tokio::time::sleep(backoff).await;
                    backoff = (backoff * 2).min(MAX_BACKOFF);
                }
            }
        }
    }

    /// Delivers one batch. Returns `false` if there is none.
    async fn step(&mut self, failures: &mut u32) -> Result<bool> {
        let Some(batch) = self.changes.next()? else { return Ok(false) };
        if batch.records.is_empty() {
            self.accept(batch.position)?;
            return Ok(true);
        }
        match self.invoke(&batch).await {
            Outcome::Accepted => *failures = 0,
            Outcome::Unreachable(reason) => return Err(Error::Emulator(reason)),
            Outcome::Partial(done) if *failures < self.changes.source().maximum_retry_attempts => {
                if let Some(done) = done {
                    *failures = 0;
                    self.accept(done)?;
                }
                *failures += 1;
                return Err(Error::Emulator("the function returned some records as failed".to_owned()));
            }
            Outcome::Failed(reason) if *failures < self.changes.source().maximum_retry_attempts => {
                *failures += 1;
                return Err(Error::Emulator(reason));
            }
            Outcome::Partial(_) | Outcome::Failed(_) => {
                self.set_aside(&batch)?;
                *failures = 0;
            }
        }
        self.accept(batch.position)?;
        Ok(true)
    }

    async fn invoke(&self, batch: &Batch) -> Outcome {
        let request = self.client.post(&self.url).timeout(INVOCATION_TIMEOUT).body(batch.event().to_string());
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Outcome::Unreachable(error.to_string()),
        };
        let status = response.status();
        let body = response.text().await.unwrap_or_default();
        if !status.is_success() {
            return Outcome::Failed(format!("{status}: {body}"));
        }
        let answer: Value = serde_json::from_str(&body).unwrap_or_default();
        match first_unprocessed(&answer, &batch.records) {
            None => Outcome::Accepted,
            Some(first) => {
                Outcome::Partial(first.checked_sub(1).and_then(|last| sequence_number(batch.records.get(last)?)))
            }
        }
    }

    fn accept(&mut self, position: String) -> Result<()> {
        // The position is stored on disk first: after a crash a change may be delivered twice, but none is lost.
        let unusable = |source| Error::DataFolder { path: self.position.clone(), source };
        let fresh = self.position.with_extension("new");
        fs::write(&fresh, &position).and_then(|()| fs::rename(&fresh, &self.position)).map_err(unusable)?;
        self.changes.accept(position);
        Ok(())
    }

    fn set_aside(&self, batch: &Batch) -> Result<()> {
        tracing::error!(file = %self.dead_letters.display(), "a function keeps failing; its changes were written to a file");
        let unusable = |source| Error::DataFolder { path: self.dead_letters.clone(), source };
        let mut file = fs::OpenOptions::new().create(true).append(true).open(&self.dead_letters).map_err(unusable)?;
        writeln!(file, "{}", batch.event()).map_err(unusable)
    }
}

/// Deletes expired items every minute, forever. AWS may take days, so readers must not rely on either.
pub async fn sweep_expired(database: Database) {
    loop {
        let database = database.clone();
        match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(_)) => {}
            Ok(Err(reason)) => tracing::warn!(%reason, "expired items could not be deleted"),
            Err(reason) => tracing::warn!(%reason, "the deletion of expired items panicked"),
        }
        tokio::time::sleep(SWEEP_INTERVAL).await;
    }
}

/// An HTTP client for this machine.
///
/// # Errors
/// [`Error::Emulator`] if it cannot be created.
pub fn client() -> Result<reqwest::Client> {
    // The client requires a TLS provider even for plain HTTP. The second client finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().map_err(|error| Error::Emulator(error.to_string()))
}

/// Reads `{"batchItemFailures": [{"itemIdentifier": "<sequence number>"}]}`. Returns the index of the first record that
/// was not processed, or `None` if all were. An unknown identifier means the whole batch, as in Lambda.
fn first_unprocessed(answer: &Value, records: &[Value]) -> Option<usize> {
    let failures = answer.get("batchItemFailures")?.as_array().filter(|failures| !failures.is_empty())?;
    let failed = |sequence_number: String| {
        failures.iter().any(|failure| failure.get("itemIdentifier").is_some_and(|id| *id == sequence_number))
    };
    Some(records.iter().position(|record| sequence_number(record).is_some_and(failed)).unwrap_or(0))
}

/// The sequence number of a record.
fn sequence_number(record: &Value) -> Option<String> {
    Some(record.pointer("/dynamodb/SequenceNumber")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn partial_failure_keeps_the_earlier_changes() {
        let records: Vec<_> = ["001", "002", "003"].map(|n| json!({"dynamodb": {"SequenceNumber": n}})).into();
        let after = |failed: &[&str]| {
            let failures: Vec<_> = failed.iter().map(|id| json!({"itemIdentifier": id})).collect();
            first_unprocessed(&json!({ "batchItemFailures": failures }), &records)
        };
        assert_eq!(after(&["003", "002"]), Some(1));
        assert_eq!(after(&["001"]), Some(0));
        assert_eq!(after(&[""]), Some(0), "an identifier of no record");
        assert_eq!(after(&[]), None);
        assert_eq!(first_unprocessed(&Value::Null, &records), None);
    }

    #[tokio::test]
    async fn stream_position_survives_a_restart() {
        let folder = std::env::temp_dir().join(format!("terrapi-pump-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let engine = crate::Engine::with_tables().unwrap();
        let source = crate::Template::project().unwrap().streams[0].clone();
        let pump =
            || LocalStreamPump::new(engine.database().clone(), source.clone(), "http://127.0.0.1:9", &folder).unwrap();
        pump().accept("49000000000000000000001".to_owned()).unwrap();
        let text = fs::read_to_string(pump().position).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(text, "49000000000000000000001");
    }
}
