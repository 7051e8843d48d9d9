//! Delivers a table's changes to the function that subscribes to them, as Lambda's event source does: in order, with
//! retries, and into a file if they keep failing. Changes that were delivered are removed from the stream.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;

use crate::changes::{Batch, Changes};
use crate::embedded::EmbeddedEngine;
use crate::error::{Error, Result};
use crate::template::StreamSource;

/// The end of the names of the files with changes that could not be delivered.
pub(crate) const DEAD_LETTERS_SUFFIX: &str = "-dead-letters.jsonl";
/// The longest time between a change and its delivery, if nothing wakes the pump.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// The first backoff after a failure. Each further one is twice as long, up to [`MAX_BACKOFF`].
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
const MAX_BACKOFF: Duration = Duration::from_secs(10);
/// How many changes that no filter matches are skipped before the position is stored.
const SKIPPED_PER_STORED_POSITION: usize = 1_000;

/// The function that subscribes to a stream.
pub trait Subscriber: Send + Sync {
    /// Handles a batch whose records all match a filter. May be called again with the same records.
    fn deliver(&self, batch: &Batch) -> impl Future<Output = Outcome> + Send;
}

/// The result of a delivery.
#[derive(Debug)]
pub enum Outcome {
    /// The function answered. Shape: `{"batchItemFailures": [{"itemIdentifier": "<sequence number>"}]}`; anything else
    /// means that every change was processed.
    Answered(Value),
    /// The function returned an error.
    Failed(String),
    /// The function did not answer. This does not count as an attempt.
    Unreachable(String),
}

/// Delivers one event source until it is dropped.
pub struct StreamPump<S> {
    changes: Changes,
    subscriber: S,
    position: PathBuf,
    dead_letters: PathBuf,
    /// How often the first undelivered change has failed.
    failures: u32,
    /// How many changes were skipped since the position was stored.
    skipped: usize,
}

impl<S: Subscriber> StreamPump<S> {
    /// Delivers a table's stream to `subscriber`. The position is stored in `folder`.
    ///
    /// # Errors
    /// [`Error::DataFolder`] if a stored position cannot be read.
    pub fn new(engine: &EmbeddedEngine, source: StreamSource, subscriber: S, folder: &Path) -> Result<Self> {
        let position = folder.join(format!("{}-{}.position", source.table, source.function));
        let last = match fs::read_to_string(&position) {
            Ok(text) => Some(text.trim().to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(Error::DataFolder { path: position, source }),
        };
        let dead_letters = folder.join(format!("{}{DEAD_LETTERS_SUFFIX}", source.function));
        let changes = Changes::after(engine, source, last);
        Ok(Self { changes, subscriber, position, dead_letters, failures: 0, skipped: 0 })
    }

    /// Delivers changes forever. Failures are logged and retried.
    pub async fn run(mut self) {
        let mut backoff = FIRST_BACKOFF;
        loop {
            match self.step().await {
                Ok(true) => backoff = FIRST_BACKOFF,
                Ok(false) => self.changes.written(POLL_INTERVAL).await,
                Err(reason) => {
                    tracing::warn!(%reason, "a change could not be delivered and is being retried");
                    sleep(backoff).await;
                    backoff = (backoff * 2).min(MAX_BACKOFF);
                }
            }
        }
    }

    /// Delivers one batch. Returns `false` if there is none.
    async fn step(&mut self) -> Result<bool> {
        let Some(batch) = self.changes.read_batch()? else { return Ok(false) };
        if batch.records.is_empty() {
            self.skip(batch)?;
            return Ok(true);
        }
        // The function must not act on a change that a power cut could take back.
        self.changes.durable().await?;
        let last_attempt = self.failures >= self.changes.source().maximum_retry_attempts;
        let (processed, reason) = match self.subscriber.deliver(&batch).await {
            Outcome::Unreachable(reason) => return Err(Error::Subscriber(reason)),
            Outcome::Failed(reason) => (None, reason),
            Outcome::Answered(answer) => match first_unprocessed(&answer, &batch.records) {
                None => {
                    self.store(batch.position)?;
                    return Ok(true);
                }
                Some(first) => {
                    let processed = first.checked_sub(1).and_then(|last| sequence_number(batch.records.get(last)?));
                    (processed, "the function returned some records as failed".to_owned())
                }
            },
        };
        if last_attempt {
            self.set_aside(&batch)?;
            self.store(batch.position)?;
            return Ok(true);
        }
        if let Some(processed) = processed {
            self.store(processed)?;
        }
        self.failures += 1;
        Err(Error::Subscriber(reason))
    }

    /// Advances past a batch that no filter matches. After a crash it is read and skipped again.
    fn skip(&mut self, batch: Batch) -> Result<()> {
        self.skipped += batch.read;
        if self.skipped >= SKIPPED_PER_STORED_POSITION {
            return self.store(batch.position);
        }
        self.changes.accept(batch.position);
        Ok(())
    }

    /// Advances to `position` and removes the changes before it from the stream. The position is stored on disk first:
    /// after a crash a change may be delivered twice, but none is lost.
    fn store(&mut self, position: String) -> Result<()> {
        let unusable = |source| Error::DataFolder { path: self.position.clone(), source };
        let fresh = self.position.with_extension("new");
        fs::write(&fresh, &position).and_then(|()| fs::rename(&fresh, &self.position)).map_err(unusable)?;
        (self.failures, self.skipped) = (0, 0);
        self.changes.accept(position);
        self.changes.trim()
    }

    fn set_aside(&self, batch: &Batch) -> Result<()> {
        tracing::error!(file = %self.dead_letters.display(), "a function keeps failing; its changes were written to a file");
        let unusable = |source| Error::DataFolder { path: self.dead_letters.clone(), source };
        let mut file = fs::OpenOptions::new().create(true).append(true).open(&self.dead_letters).map_err(unusable)?;
        writeln!(file, "{}", batch.event()).map_err(unusable)
    }
}

/// The index of the first record that was not processed, or `None` if all were. An unknown identifier means the whole
/// batch, as in Lambda.
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
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use serde_json::json;

    use super::*;
    use crate::changes::tests::put;
    use crate::engine::Engine;
    use crate::template::Template;

    /// Answers with the given outcomes, then with success. Notes the number of records of each delivery.
    #[derive(Default)]
    struct Script(Mutex<(VecDeque<Outcome>, Vec<usize>)>);

    impl Subscriber for &Script {
        async fn deliver(&self, batch: &Batch) -> Outcome {
            let mut script = self.0.lock().unwrap();
            script.1.push(batch.records.len());
            script.0.pop_front().unwrap_or(Outcome::Answered(Value::Null))
        }
    }

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("terrapi-pump-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

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
    async fn failing_batch_is_retried_and_then_set_aside() {
        let (folder, engine) = (folder("failing"), Engine::with_tables().unwrap());
        let mut source = Template::project().unwrap().streams[0].clone();
        source.maximum_retry_attempts = 2;
        let script = Script::default();
        script.0.lock().unwrap().0.extend((0..3).map(|_| Outcome::Failed("broken".to_owned())));
        let mut pump = StreamPump::new(engine.embedded(), source, &script, &folder).unwrap();
        put(&engine, b"a", "commit-head");
        for _ in 0..2 {
            pump.step().await.unwrap_err();
        }
        assert!(pump.step().await.unwrap(), "the third attempt is the last one");
        let dead = fs::read_to_string(&pump.dead_letters).unwrap();
        assert!(dead.contains("commit-head"));
        put(&engine, b"b", "commit-head");
        assert!(pump.step().await.unwrap());
        assert!(!pump.step().await.unwrap());
        assert_eq!(script.0.lock().unwrap().1, [1, 1, 1, 1], "the next change is delivered alone");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[tokio::test]
    async fn stream_position_survives_a_restart() {
        let (folder, engine) = (folder("restart"), Engine::with_tables().unwrap());
        let script = Script::default();
        let source = Template::project().unwrap().streams[0].clone();
        let pump = || StreamPump::new(engine.embedded(), source.clone(), &script, &folder).unwrap();
        put(&engine, b"a", "commit-head");
        assert!(pump().step().await.unwrap());
        assert!(!pump().step().await.unwrap(), "it was delivered before the restart");
        put(&engine, b"b", "commit-head");
        assert!(pump().step().await.unwrap());
        fs::remove_dir_all(&folder).unwrap();
    }
}
