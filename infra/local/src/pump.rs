//! Hands a table's changes to the function that wants them, as Lambda's event source does: in order, again after a
//! failure, and set aside when they fail for good. Also expires items, which AWS does by itself.

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

/// How often the stream is looked at.
const POLL: Duration = Duration::from_millis(200);
/// How often expired items are removed.
const SWEEP: Duration = Duration::from_mins(1);
/// The first pause after a failure; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Longer than the function may take.
const INVOCATION: Duration = Duration::from_secs(150);

/// One event source, pumped until it is dropped.
pub struct LocalStreamPump {
    changes: Changes,
    client: reqwest::Client,
    url: String,
    position: PathBuf,
    dead_letters: PathBuf,
}

/// What became of an invocation.
enum Outcome {
    /// Everything is done with.
    Accepted,
    /// Done with up to this sequence number (`None`: nothing is), the rest is to be tried again.
    Partial(Option<String>),
    /// The function failed.
    Failed(String),
    /// Nobody answered.
    Unreachable(String),
}

impl LocalStreamPump {
    /// A pump from a table's stream to `base_url`, the emulator's address. It keeps its position in `folder`.
    ///
    /// # Errors
    /// [`Error::DataFolder`] when an earlier position cannot be read.
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

    /// Pumps for ever; a failure is logged and tried again.
    pub async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        let mut failures = 0;
        loop {
            match self.step(&mut failures).await {
                Ok(true) => pause = FIRST_PAUSE,
                Ok(false) => tokio::time::sleep(POLL).await,
                Err(reason) => {
                    tracing::warn!(%reason, "a change was not delivered, it is tried again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Delivers one batch. False when there is none.
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
                return Err(Error::Emulator("the function gave some records back".to_owned()));
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
        let request = self.client.post(&self.url).timeout(INVOCATION).body(batch.event().to_string());
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
        match unfinished(&answer, &batch.records) {
            None => Outcome::Accepted,
            Some(first) => Outcome::Partial(first.checked_sub(1).and_then(|last| number(batch.records.get(last)?))),
        }
    }

    fn accept(&mut self, position: String) -> Result<()> {
        // First on disk: after a crash a change may come twice, but none is lost and none goes backwards.
        let unusable = |source| Error::DataFolder { path: self.position.clone(), source };
        let fresh = self.position.with_extension("new");
        fs::write(&fresh, &position).and_then(|()| fs::rename(&fresh, &self.position)).map_err(unusable)?;
        self.changes.accept(position);
        Ok(())
    }

    fn set_aside(&self, batch: &Batch) -> Result<()> {
        tracing::error!(file = %self.dead_letters.display(), "the function keeps failing, these changes are set aside");
        let unusable = |source| Error::DataFolder { path: self.dead_letters.clone(), source };
        let mut file = fs::OpenOptions::new().create(true).append(true).open(&self.dead_letters).map_err(unusable)?;
        writeln!(file, "{}", batch.event()).map_err(unusable)
    }
}

/// Removes expired items every minute, for ever. AWS takes up to days; a reader must not rely on either.
pub async fn sweep_expired(database: Database) {
    loop {
        let database = database.clone();
        match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(_)) => {}
            Ok(Err(reason)) => tracing::warn!(%reason, "expired items were not removed"),
            Err(reason) => tracing::warn!(%reason, "the removal of expired items died"),
        }
        tokio::time::sleep(SWEEP).await;
    }
}

/// An HTTP client for this machine only.
///
/// # Errors
/// [`Error::Emulator`] when it cannot be built.
pub fn client() -> Result<reqwest::Client> {
    // The client insists on a TLS provider even for plain HTTP. It is there already when this is the second client.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().map_err(|error| Error::Emulator(error.to_string()))
}

/// Reads `{"batchItemFailures": [{"itemIdentifier": "<sequence number>"}]}`: the place of the first record that is not
/// done with, none when all are. An identifier of no record means the whole batch, as in Lambda.
fn unfinished(answer: &Value, records: &[Value]) -> Option<usize> {
    let failures = answer.get("batchItemFailures")?.as_array().filter(|failures| !failures.is_empty())?;
    let failed =
        |number: String| failures.iter().any(|failure| failure.get("itemIdentifier").is_some_and(|id| *id == number));
    Some(records.iter().position(|record| number(record).is_some_and(failed)).unwrap_or(0))
}

/// A record's sequence number.
fn number(record: &Value) -> Option<String> {
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
            unfinished(&json!({ "batchItemFailures": failures }), &records)
        };
        assert_eq!(after(&["003", "002"]), Some(1));
        assert_eq!(after(&["001"]), Some(0));
        assert_eq!(after(&[""]), Some(0), "an identifier of no record");
        assert_eq!(after(&[]), None);
        assert_eq!(unfinished(&Value::Null, &records), None);
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
