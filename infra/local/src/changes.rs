//! Reads a table's stream through the engine's library, filtered and shaped as Lambda's event source delivers it.
//!
//! It does not use the wire protocol, because the engine's shard ids are shorter than some SDKs accept.

use std::time::Duration;

use dynoxide::actions::describe_stream::DescribeStreamRequest;
use dynoxide::actions::get_records::GetRecordsRequest;
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use dynoxide::actions::list_streams::ListStreamsRequest;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::embedded::EmbeddedEngine;
use crate::error::{Error, Result};
use crate::template::StreamSource;

/// How long changes are collected after the first one. Reading each alone would cost more than writing it.
const COLLECT: Duration = Duration::from_millis(20);

/// Reads the changes of one table, oldest first.
pub struct Changes {
    engine: EmbeddedEngine,
    source: StreamSource,
    /// The sequence number of the last processed change. `None` at the beginning of the stream.
    position: Option<String>,
    writes: watch::Receiver<()>,
    shard: Option<Shard>,
}

/// The only shard of a table's stream.
#[derive(Clone)]
struct Shard {
    stream_arn: String,
    shard_id: String,
}

/// Changes that were read together.
#[derive(Debug)]
pub struct Batch {
    /// The records that match a filter, as members of `{"Records": [...]}`.
    pub records: Vec<Value>,
    /// The position after all changes that were read, whether or not they match.
    pub position: String,
    /// How many changes were read.
    pub read: usize,
}

impl Batch {
    /// The event for the function: `{"Records": [{"eventID", "eventName", "dynamodb": {…}, …}]}`.
    pub fn event(&self) -> Value {
        json!({ "Records": self.records })
    }
}

impl Changes {
    /// A reader that continues after `position`.
    pub fn after(engine: &EmbeddedEngine, source: StreamSource, position: Option<String>) -> Self {
        Self { writes: engine.writes(), engine: engine.clone(), source, position, shard: None }
    }

    pub fn source(&self) -> &StreamSource {
        &self.source
    }

    /// The next changes. `None` if there are no more. Blocks the thread while the engine reads.
    ///
    /// Returns the same changes again until they are accepted with [`Self::accept`].
    ///
    /// # Errors
    /// [`Error::Engine`] if the stream cannot be read.
    pub fn read_batch(&mut self) -> Result<Option<Batch>> {
        let request = GetRecordsRequest { shard_iterator: self.iterator()?, limit: Some(self.source.batch_size) };
        let read = self.engine.database().get_records(request)?.records;
        let Some(last) = read.last() else { return Ok(None) };
        let position = last.dynamodb.sequence_number.clone();
        let mut records = Vec::new();
        for record in &read {
            let record = serde_json::to_value(record).map_err(|error| Error::Engine(error.to_string()))?;
            let filters = &self.source.filters;
            if filters.is_empty() || filters.iter().any(|filter| filter.matches(&record)) {
                records.push(record);
            }
        }
        Ok(Some(Batch { records, position, read: read.len() }))
    }

    /// Marks everything up to `position` as processed: the position of a batch, or a record's sequence number.
    pub fn accept(&mut self, position: String) {
        self.position = Some(position);
    }

    /// Waits for a write of this process, at most for `longest`: another process may write too.
    pub async fn written(&mut self, longest: Duration) {
        if let Ok(Ok(())) = timeout(longest, self.writes.changed()).await {
            sleep(COLLECT).await;
        }
    }

    /// Waits until the changes that were read are on disk.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub async fn durable(&self) -> Result<()> {
        self.engine.durable().await
    }

    /// Removes the processed changes from the stream.
    ///
    /// # Errors
    /// [`Error::Engine`].
    pub fn trim(&self) -> Result<()> {
        match (self.engine.side(), &self.position) {
            (Some(side), Some(position)) => side.trim(&self.source.table, position),
            _ => Ok(()),
        }
    }

    fn iterator(&mut self) -> Result<String> {
        let Shard { stream_arn, shard_id } = self.shard()?;
        let kind = if self.position.is_some() { "AFTER_SEQUENCE_NUMBER" } else { "TRIM_HORIZON" };
        let iterator = self.engine.database().get_shard_iterator(GetShardIteratorRequest {
            stream_arn,
            shard_id,
            shard_iterator_type: kind.to_owned(),
            sequence_number: self.position.clone(),
        })?;
        iterator.shard_iterator.ok_or_else(|| self.no_stream())
    }

    fn shard(&mut self) -> Result<Shard> {
        if let Some(shard) = &self.shard {
            return Ok(shard.clone());
        }
        let database = self.engine.database();
        let streams = database.list_streams(ListStreamsRequest {
            table_name: Some(self.source.table.clone()),
            exclusive_start_stream_arn: None,
            limit: None,
        })?;
        let stream_arn = streams.streams.into_iter().next().ok_or_else(|| self.no_stream())?.stream_arn;
        let described = database.describe_stream(DescribeStreamRequest {
            stream_arn: stream_arn.clone(),
            exclusive_start_shard_id: None,
            limit: None,
        })?;
        let shards = described.stream_description.shards;
        let shard_id = shards.into_iter().next().ok_or_else(|| self.no_stream())?.shard_id;
        Ok(self.shard.insert(Shard { stream_arn, shard_id }).clone())
    }

    fn no_stream(&self) -> Error {
        Error::Engine(format!("table {} has no stream", self.source.table))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use dynoxide::{AttributeValue, actions::put_item::PutItemRequest};

    use super::*;
    use crate::{engine::Engine, template::Template};

    pub fn put(engine: &Engine, sk: &[u8], entity: &str) {
        let item = [
            ("pk".to_owned(), AttributeValue::S("1".into())),
            ("sk".to_owned(), AttributeValue::B(sk.to_vec())),
            ("entity".to_owned(), AttributeValue::S(entity.into())),
        ];
        let request =
            PutItemRequest { table_name: "terrapi-kv".into(), item: item.into_iter().collect(), ..Default::default() };
        engine.database().put_item(request).unwrap();
    }

    fn reader(engine: &Engine) -> Changes {
        let source = Template::project().unwrap().streams[0].clone();
        Changes::after(engine.embedded(), source, None)
    }

    #[test]
    fn matching_change_has_the_shape_of_a_lambda_event() {
        let engine = Engine::with_tables().unwrap();
        put(&engine, b"head", "commit-head");
        let batch = reader(&engine).read_batch().unwrap().unwrap();
        let event = batch.event();
        let record = &event["Records"][0];
        assert_eq!(record["eventName"], "INSERT");
        assert_eq!(record["eventSource"], "aws:dynamodb");
        assert_eq!(record["dynamodb"]["Keys"]["sk"]["B"], "aGVhZA==");
        assert_eq!(record["dynamodb"]["NewImage"]["entity"]["S"], "commit-head");
        assert_eq!(record["dynamodb"]["SequenceNumber"], batch.position);
        assert!(record["eventID"].is_string());
    }

    #[test]
    fn unmatched_changes_only_advance_the_position() {
        let engine = Engine::with_tables().unwrap();
        put(&engine, b"a", "record");
        let mut changes = reader(&engine);
        let batch = changes.read_batch().unwrap().unwrap();
        assert!(batch.records.is_empty());
        changes.accept(batch.position);
        assert!(changes.read_batch().unwrap().is_none());
    }

    #[test]
    fn changes_are_redelivered_until_accepted() {
        let engine = Engine::with_tables().unwrap();
        put(&engine, b"a", "commit-head");
        let mut changes = reader(&engine);
        assert_eq!(changes.read_batch().unwrap().unwrap().records.len(), 1);
        let batch = changes.read_batch().unwrap().unwrap();
        assert_eq!(batch.records.len(), 1);
        changes.accept(batch.position);
        assert!(changes.read_batch().unwrap().is_none());
        put(&engine, b"b", "commit-head");
        assert_eq!(changes.read_batch().unwrap().unwrap().records.len(), 1);
    }
}
