//! Publishes drafts, all at once.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnValue, ReturnValuesOnConditionCheckFailure};
use futures::stream::{self, StreamExt, TryStreamExt};
use uuid::Uuid;

use super::head::{Entry, Head, encode_entries};
use super::item;
use super::list::address_of;
use crate::domain::kv::{Address, Draft, DraftId, Idx, Key, RecordState};
use crate::domain::{Capabilities, Code, Error, Millis, Namespace, Result};
use crate::store::client::Store;
use crate::store::error::Failure;
use crate::store::item::{Item, b, n, s};
use crate::store::keys::{self, ONLY, PK, SK, TTL};

/// How many records a commit may publish.
const MAX_RECORDS: usize = 10_000;
/// How many entries a part lists, and how many bytes: an item holds 400 KB.
const PART_ENTRIES: usize = 1_000;
const PART_BYTES: usize = 300 * 1024;
/// How many keys a batch reads.
const BATCH: usize = 100;
/// How many calls run at once.
const CALLS: usize = 8;
/// How many commits a head may name before the next one must help folding.
pub const MAX_UNFOLDED: usize = 256;
/// How long the parts of a commit that was never published stay, in seconds.
const PART_SECONDS: i64 = 7 * 24 * 3600;
/// How often publishing is tried.
const TRIES: u32 = 8;

/// One listed record, or every chunk of a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CommitTarget {
    /// The key.
    pub key: Key,
    /// The chunk; every chunk when absent.
    pub idx: Option<Idx>,
}

/// A commit.
#[derive(Clone, Debug)]
pub struct CommitRequest<'a> {
    /// Names the commit.
    pub id: Uuid,
    /// What to publish.
    pub targets: Vec<CommitTarget>,
    /// Whether everything listed must exist and be writable.
    pub strict: bool,
    /// What the caller holds.
    pub held: &'a Capabilities,
    /// When.
    pub now: Millis,
}

impl Store {
    /// Publishes the drafts of the listed records and says which they were.
    ///
    /// # Errors
    /// [`Code::CommitTooLarge`] above 10,000 records; [`Code::CommitRefused`] in strict mode; nothing has changed then.
    pub async fn commit(&self, namespace: Namespace, request: &CommitRequest<'_>) -> Result<Vec<Address>> {
        if request.targets.len() > MAX_RECORDS {
            return Err(too_large());
        }
        let records = self.targets(namespace, &request.targets).await?;
        if records.len() > MAX_RECORDS {
            return Err(too_large());
        }
        let entries = publishable(records, request)?;
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let parts = split(&entries);
        let count = parts.len();
        let puts = parts
            .into_iter()
            .enumerate()
            .map(|(number, part)| self.put_part(namespace, request, (number, count), part));
        stream::iter(puts).buffer_unordered(CALLS).try_collect::<()>().await?;
        let head = self.publish(namespace, request.id).await?;
        self.newly_published(namespace, request.id, &head, entries).await
    }

    async fn targets(&self, namespace: Namespace, targets: &[CommitTarget]) -> Result<BTreeMap<Address, Option<Item>>> {
        let (mut single, mut whole) = (Vec::new(), Vec::new());
        for target in targets {
            match target.idx {
                Some(idx) => single.push(Address { key: target.key.clone(), idx }),
                None => whole.push(target.key.clone()),
            }
        }
        single.sort();
        single.dedup();
        whole.sort();
        whole.dedup();
        let batches: Vec<Vec<Address>> = single.chunks(BATCH).map(<[Address]>::to_vec).collect();
        let found = stream::iter(batches).map(|batch| self.batch(namespace, batch)).buffer_unordered(CALLS);
        let mut records: BTreeMap<Address, Option<Item>> = single.into_iter().map(|address| (address, None)).collect();
        records.extend(found.try_collect::<Vec<_>>().await?.into_iter().flatten());
        let chunks = stream::iter(whole).map(|key| self.chunks_of(namespace, key)).buffer_unordered(CALLS);
        records.extend(chunks.try_collect::<Vec<_>>().await?.into_iter().flatten());
        Ok(records)
    }

    async fn batch(&self, namespace: Namespace, batch: Vec<Address>) -> Result<Vec<(Address, Option<Item>)>> {
        let mut wanted: Vec<Item> = batch.iter().map(|address| record_key(namespace, address)).collect();
        let mut found = Vec::new();
        while !wanted.is_empty() {
            let request = KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(true).build();
            let request = request.map_err(|error| Error::internal("reading a batch", error))?;
            let answer =
                self.db.batch_get_item().request_items(&self.tables.kv, request).send().await.map_err(Failure::of)?;
            for item in answer.responses.into_iter().flat_map(HashMap::into_values).flatten() {
                found.push((address_of(&item)?, Some(item)));
            }
            wanted = answer
                .unprocessed_keys
                .and_then(|mut left| left.remove(&self.tables.kv))
                .map(|left| left.keys)
                .unwrap_or_default();
        }
        Ok(found)
    }

    async fn chunks_of(&self, namespace: Namespace, key: Key) -> Result<Vec<(Address, Option<Item>)>> {
        let items = self.chunk_items(namespace, &key).await?;
        if items.is_empty() {
            // A key without chunks is listed as absent, for strict commits to notice.
            return Ok(vec![(Address { key, idx: Idx::default() }, None)]);
        }
        items.into_iter().map(|item| Ok((address_of(&item)?, Some(item)))).collect()
    }

    async fn put_part(
        &self,
        namespace: Namespace,
        request: &CommitRequest<'_>,
        (number, parts): (usize, usize),
        part: Vec<u8>,
    ) -> Result<()> {
        let number = u32::try_from(number).map_err(|_| too_large())?;
        let put = self.db.put_item().table_name(&self.tables.kv);
        let put = put.item(PK, s(keys::commit(namespace, request.id))).item(SK, b(number.to_be_bytes()));
        let put =
            put.item("entity", s("commit-part")).item("schema", n(1)).item("entries", b(part)).item("parts", n(parts));
        put.item(TTL, n(request.now.seconds().plus(PART_SECONDS).0)).send().await.map_err(Failure::of)?;
        Ok(())
    }

    /// Names the commit in the head: the moment it is published. Repeating is safe.
    async fn publish(&self, namespace: Namespace, id: Uuid) -> Result<Head> {
        let mut uncertain = false;
        for attempt in 0..TRIES {
            match self.try_publish(namespace, id).await {
                Ok(head) => return Ok(head),
                Err(Failure::Condition(None)) => match self.create_head(namespace, id).await {
                    Ok(head) => return Ok(head),
                    Err(Failure::Fault(source)) => return Err(Failure::Fault(source).into()),
                    Err(failure) => uncertain |= matches!(failure, Failure::Ambiguous(_)),
                },
                Err(Failure::Condition(Some(old))) => {
                    let head = Head::decode(Some(&old))?;
                    if head.commits.contains_key(&id) {
                        return Ok(head);
                    }
                    self.fold_commits(namespace).await?;
                }
                Err(Failure::Fault(source)) => return Err(Failure::Fault(source).into()),
                Err(failure) => uncertain |= matches!(failure, Failure::Ambiguous(_)),
            }
            tokio::time::sleep(Duration::from_millis(10 << attempt)).await;
        }
        let code = if uncertain { Code::OutcomeUnknown } else { Code::Unavailable };
        Err(Error::Unavailable { code, source: None })
    }

    async fn try_publish(&self, namespace: Namespace, id: Uuid) -> Result<Head, Failure> {
        let update = self.db_once.update_item().table_name(&self.tables.kv);
        let update = update.key(PK, s(keys::head(namespace))).key(SK, b(ONLY));
        let update = update.update_expression("SET seq = seq + :one, commits.#id = seq + :one");
        let update = update.condition_expression(
            "attribute_exists(pk) AND attribute_not_exists(commits.#id) AND size(commits) < :most",
        );
        let update = update.expression_attribute_names("#id", id.simple().to_string());
        let update =
            update.expression_attribute_values(":one", n(1)).expression_attribute_values(":most", n(MAX_UNFOLDED));
        let update = update.return_values(ReturnValue::AllNew);
        let update = update.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let answer = update.send().await.map_err(Failure::of_update)?;
        Head::decode(answer.attributes()).map_err(|error| Failure::Fault(error.into()))
    }

    async fn create_head(&self, namespace: Namespace, id: Uuid) -> Result<Head, Failure> {
        let commits = AttributeValue::M(Item::from([(id.simple().to_string(), n(1))]));
        let put = self.db_once.put_item().table_name(&self.tables.kv);
        let put = put.item(PK, s(keys::head(namespace))).item(SK, b(ONLY)).item("entity", s("commit-head"));
        let put = put.item("schema", n(1)).item("seq", n(1)).item("commits", commits);
        put.condition_expression("attribute_not_exists(pk)").send().await.map_err(Failure::of_put)?;
        Ok(Head { seq: 1, commits: BTreeMap::from([(id, 1)]) })
    }

    /// What this commit published, less what an earlier one in the head had published already.
    async fn newly_published(
        &self,
        namespace: Namespace,
        id: Uuid,
        head: &Head,
        entries: Vec<Entry>,
    ) -> Result<Vec<Address>> {
        let own = head.commits.get(&id).copied().unwrap_or(head.seq);
        let mut addresses: BTreeMap<DraftId, Address> =
            entries.into_iter().map(|entry| (entry.draft, entry.address)).collect();
        for (earlier, _) in head.commits.iter().filter(|(_, seq)| **seq < own) {
            // A list that has been cleared away named drafts that no longer are: none of them is ours.
            let published = self.drafts_of(namespace, *earlier).await?.unwrap_or_default();
            addresses.retain(|draft, _| !published.contains(draft));
        }
        let mut addresses: Vec<Address> = addresses.into_values().collect();
        addresses.sort_unstable();
        Ok(addresses)
    }
}

/// The drafts among `records` that the caller may publish.
fn publishable(records: BTreeMap<Address, Option<Item>>, request: &CommitRequest<'_>) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for (address, item) in records {
        let record = item
            .as_ref()
            .map(item::decode)
            .transpose()?
            .map(|record| record.at(request.now))
            .filter(RecordState::exists);
        let writable = record.as_ref().is_some_and(|record| {
            let sides = [record.live.as_ref(), record.draft.as_ref().map(|draft| &draft.side)];
            sides.into_iter().flatten().all(|side| side.guards.allow_write(request.held))
        });
        if request.strict && !writable {
            let problem = format!("{}[{}] is absent or not writable", address.key, address.idx.get());
            return Err(Error::invalid_because(Code::CommitRefused, problem));
        }
        let draft = record.and_then(|record| record.draft).filter(|_| writable);
        entries.extend(draft.map(|Draft { id, .. }| Entry { address, draft: id }));
    }
    Ok(entries)
}

/// Encoded parts of bounded length and size.
fn split(entries: &[Entry]) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    let mut rest = entries;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = rest.iter().take(PART_ENTRIES).take_while(|entry| {
            bytes += entry.encoded_bytes();
            bytes <= PART_BYTES
        });
        let (part, left) = rest.split_at(fits.count().max(1));
        parts.push(encode_entries(part));
        rest = left;
    }
    parts
}

fn record_key(namespace: Namespace, address: &Address) -> Item {
    Item::from([(PK.into(), s(keys::records(namespace))), (SK.into(), b(keys::record(address)))])
}

fn too_large() -> Error {
    Error::invalid_because(Code::CommitTooLarge, "a commit publishes at most 10,000 records")
}
