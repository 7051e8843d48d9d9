//! Publishes drafts atomically.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use futures::stream::{self, StreamExt, TryStreamExt};
use uuid::Uuid;

use super::attempt::Attempt;
use super::head::{Entry, Head, MAX_UNFOLDED_COMMITS, PublishedDrafts, encode_entries};
use super::item;
use super::list::address_of;
use super::projection::Projection;
use crate::domain::kv::{Address, Draft, DraftId, Idx, Key, RecordState};
use crate::domain::{Capabilities, Code, Error, Millis, Namespace, Result};
use crate::progress::advance;
use crate::store::batch::BATCH_KEYS;
use crate::store::client::Store;
use crate::store::error::Failure;
use crate::store::item::{Item, b, entity, n, s};
use crate::store::keys::{self, PK, SK, TTL};
use crate::store::update::Update;

/// How many records a commit may publish.
pub const MAX_RECORDS: usize = 10_000;
/// The limits of one part: entries, and bytes. An item holds 400 KB.
const PART_ENTRIES: usize = 1_000;
const PART_BYTES: usize = 300 * 1024;
/// The number of the first part, which every commit list has.
const FIRST_PART: u32 = 0;
/// How many calls run concurrently.
const MAX_CONCURRENT_CALLS: usize = 8;

/// One record, or every chunk of a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CommitTarget {
    pub key: Key,
    /// Absent: every chunk of the key.
    pub idx: Option<Idx>,
}

#[derive(Clone, Debug)]
pub struct CommitRequest<'a> {
    pub id: Uuid,
    pub targets: Vec<CommitTarget>,
    /// Whether the commit is refused if a target does not exist or is not writable.
    pub strict: bool,
    /// The capabilities of the caller.
    pub held: &'a Capabilities,
    pub now: Millis,
}

/// One part of a commit list.
struct Part {
    records: usize,
    /// Encoded.
    entries: Vec<u8>,
}

/// The address of a target and its state without values. `None` if there is no record.
type TargetState = (Address, Option<RecordState>);
/// The targets by address.
type TargetStates = BTreeMap<Address, Option<RecordState>>;

impl Store {
    /// Publishes the drafts of the targets. Returns the addresses of the published drafts: those that existed and were
    /// not published yet when the head named this commit.
    ///
    /// # Errors
    /// [`Code::CommitTooLarge`] above 10,000 records; [`Code::CommitRefused`] in strict mode. Nothing has changed in
    /// either case. [`Code::OutcomeUnknown`] if the commit may have been published.
    pub async fn commit(&self, namespace: Namespace, request: &CommitRequest<'_>) -> Result<Vec<Address>> {
        if request.targets.len() > MAX_RECORDS {
            return Err(too_large());
        }
        let before = self.published_drafts(namespace, request.now).await?;
        let records = self.read_targets(namespace, request, &before).await?;
        if records.len() > MAX_RECORDS {
            return Err(too_large());
        }
        let entries = publishable(records, request)?;
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let parts = encode_parts(&entries);
        let count = parts.len();
        let puts = parts
            .into_iter()
            .enumerate()
            .map(|(number, part)| self.put_part(namespace, request, (number, count), part));
        stream::iter(puts).buffer_unordered(MAX_CONCURRENT_CALLS).try_collect::<()>().await?;
        let head = self.publish(namespace, request.id).await?;
        let published = self.newly_published(namespace, (request.id, before.seq), &head, entries).await;
        // The commit is published at this point, so a failure to complete the answer must not look like a failed
        // commit.
        published.map_err(Error::after_write)
    }

    async fn read_targets(
        &self,
        namespace: Namespace,
        request: &CommitRequest<'_>,
        before: &PublishedDrafts,
    ) -> Result<TargetStates> {
        let state = |item: &Item| target_state(item, before, request.now);
        let (mut single, mut whole) = (Vec::new(), Vec::new());
        for target in &request.targets {
            match target.idx {
                Some(idx) => single.push(Address { key: target.key.clone(), idx }),
                None => whole.push(target.key.clone()),
            }
        }
        single.sort();
        single.dedup();
        whole.sort();
        whole.dedup();
        let found = self.read_records(namespace, single.iter(), Projection::Outline).await?;
        let mut records: TargetStates = single.into_iter().map(|address| (address, None)).collect();
        for item in &found {
            records.extend([state(item)?]);
        }
        let chunks = AtomicUsize::new(records.len());
        let found = stream::iter(whole)
            .map(|key| self.chunks_of(namespace, key, &chunks, state))
            .buffer_unordered(MAX_CONCURRENT_CALLS);
        records.extend(found.try_collect::<Vec<_>>().await?.into_iter().flatten());
        Ok(records)
    }

    /// The items of the records at `addresses` that exist.
    async fn read_records(
        &self,
        namespace: Namespace,
        addresses: impl Iterator<Item = &Address>,
        projection: Projection,
    ) -> Result<Vec<Item>> {
        let keys: Vec<_> = addresses.map(|address| item::key(namespace, address)).collect();
        let batches: Vec<_> = keys.chunks(BATCH_KEYS).map(<[Item]>::to_vec).collect();
        let found = stream::iter(batches)
            .map(|batch| self.get_batch(&self.tables.kv, batch, projection.expression()))
            .buffer_unordered(MAX_CONCURRENT_CALLS);
        found.try_concat().await
    }

    /// The chunks of a key. `chunks` counts the chunks of the whole commit; reading stops when there are too many.
    async fn chunks_of(
        &self,
        namespace: Namespace,
        key: Key,
        chunks: &AtomicUsize,
        state: impl Fn(&Item) -> Result<TargetState>,
    ) -> Result<Vec<TargetState>> {
        let mut found = Vec::new();
        let mut pages = std::pin::pin!(self.chunk_pages(namespace, &key));
        while let Some(page) = pages.try_next().await? {
            if chunks.fetch_add(page.len(), Ordering::Relaxed) + page.len() > MAX_RECORDS {
                return Err(too_large());
            }
            let chunks = page.iter().map(&state).collect::<Result<Vec<_>>>()?;
            // A tombstone or an expired draft is no chunk: it must not make a strict commit fail.
            found.extend(chunks.into_iter().filter(|(_, record)| record.is_some()));
        }
        if found.is_empty() {
            // A key without chunks is listed as absent, so that a strict commit is refused.
            return Ok(vec![(Address { key: key.clone(), idx: Idx::default() }, None)]);
        }
        Ok(found)
    }

    async fn put_part(
        &self,
        namespace: Namespace,
        request: &CommitRequest<'_>,
        (number, parts): (usize, usize),
        part: Part,
    ) -> Result<()> {
        let number = u32::try_from(number).map_err(|_| too_large())?;
        let pk = s(keys::commit(namespace, request.id));
        let key = Item::from([(PK.to_owned(), pk), (SK.to_owned(), b(number.to_be_bytes()))]);
        let kept_until = request.now.seconds().plus(RecordState::FOLDING_SECONDS);
        let attributes = [("parts", n(parts)), ("entries", b(part.entries)), (TTL, n(kept_until.0))];
        self.put(&self.tables.kv, entity(key, "commit-part", attributes)).await?;
        advance(part.records);
        Ok(())
    }

    /// Names the commit in the head, which publishes it. Returns the head as it was after that.
    ///
    /// Naming a commit twice is harmless: when it was taken off, its drafts had been folded, and draft ids are never
    /// reused.
    async fn publish(&self, namespace: Namespace, id: Uuid) -> Result<Head> {
        let mut attempt = Attempt::new();
        loop {
            match self.try_publish(namespace, id).await {
                Ok(head) => return Ok(head),
                Err(Failure::Condition(Some(old))) => {
                    let head = Head::decode(Some(&old))?;
                    if head.commits.contains_key(&id) {
                        return Ok(head);
                    }
                    // The head is full.
                    self.fold_commits(namespace).await.map_err(|error| attempt.explain(error))?;
                    attempt.restart();
                }
                Err(Failure::Condition(None)) => match self.create_head(namespace, id).await {
                    Ok(head) => return Ok(head),
                    Err(failure) => attempt.record_failure(failure)?,
                },
                Err(failure) => attempt.record_failure(failure)?,
            }
            attempt.back_off().await?;
            if attempt.uncertain
                && let Some(head) =
                    self.find_publication(namespace, id).await.map_err(|error| attempt.explain(error))?
            {
                return Ok(head);
            }
        }
    }

    /// Finds out whether a publication whose answer was lost took effect: then the head names the commit, or the worker
    /// has already folded it and deleted its list. Returns the head in that case.
    async fn find_publication(&self, namespace: Namespace, id: Uuid) -> Result<Option<Head>> {
        let head = self.head(namespace).await?;
        if head.commits.contains_key(&id) {
            return Ok(Some(head));
        }
        let part = self.get(&self.tables.kv, s(keys::commit(namespace, id)), b(FIRST_PART.to_be_bytes())).await?;
        Ok(part.is_none().then_some(head))
    }

    async fn try_publish(&self, namespace: Namespace, id: Uuid) -> Result<Head, Failure> {
        let name_commit = "SET seq = seq + :one, commits.#id = seq + :one";
        let update = Update::new(&self.tables.kv, item::head_key(namespace), name_commit)
            .condition("attribute_exists(pk) AND attribute_not_exists(commits.#id) AND size(commits) < :most")
            .name("#id", id.simple().to_string())
            .values([(":one", n(1)), (":most", n(MAX_UNFOLDED_COMMITS))]);
        let item = update.returning(ReturnValue::AllNew).returning_on_failure().send_once(self).await?;
        Head::decode(Some(&item)).map_err(|error| Failure::Fault(error.into()))
    }

    async fn create_head(&self, namespace: Namespace, id: Uuid) -> Result<Head, Failure> {
        let commits = AttributeValue::M(Item::from([(id.simple().to_string(), n(1))]));
        let attributes = [("seq", n(1)), ("commits", commits)];
        let head = entity(item::head_key(namespace), "commit-head", attributes);
        let put = self.db_once.put_item().table_name(&self.tables.kv).set_item(Some(head));
        put.condition_expression("attribute_not_exists(pk)").send().await.map_err(Failure::of_put)?;
        Ok(Head { seq: 1, commits: BTreeMap::from([(id, 1)]), ..Head::default() })
    }

    /// The addresses whose drafts this commit published. Another commit may have published a listed draft first, or a
    /// write may have replaced it. `since` is the head's sequence number before the drafts were read; `head` was read
    /// after the publication.
    async fn newly_published(
        &self,
        namespace: Namespace,
        (commit, since): (Uuid, u64),
        head: &Head,
        entries: Vec<Entry>,
    ) -> Result<Vec<Address>> {
        self.commit_lists.insert(commit, entries.iter().map(|entry| entry.draft).collect());
        let published = self.published_under(namespace, head).await?;
        let addresses = entries.iter().map(|entry| &entry.address);
        let found = self.read_records(namespace, addresses, Projection::Publication).await?;
        let found: HashMap<Address, Item> =
            found.into_iter().map(|item| Ok((address_of(&item)?, item))).collect::<Result<_>>()?;
        let mut addresses = Vec::new();
        for Entry { address, draft } in entries {
            let Some(item) = found.get(&address) else { continue };
            if published_by(commit, since, draft, item, &published)? {
                addresses.push(address);
            }
        }
        Ok(addresses)
    }
}

/// Whether `commit` published `draft`, judged by the record as it was after the publication.
fn published_by(commit: Uuid, since: u64, draft: DraftId, item: &Item, published: &PublishedDrafts) -> Result<bool> {
    if item::draft_id(item) == Some(draft) {
        return Ok(published.publication_of(draft).is_some_and(|stamp| stamp.commit == commit));
    }
    let folds = item::folds(item);
    if folds.iter().any(|stamp| stamp.commit == commit) {
        return Ok(true);
    }
    // A record remembers a limited number of folded commits. If the oldest one that it remembers is newer than `since`,
    // it may have forgotten this one.
    let forgotten = folds.get(RecordState::REMEMBERED_COMMITS - 1).is_some_and(|oldest| oldest.seq > since);
    if forgotten { Err(Error::outcome_unknown()) } else { Ok(false) }
}

/// The drafts among the targets that the caller may publish.
fn publishable(records: TargetStates, request: &CommitRequest<'_>) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for (address, record) in records {
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

/// Encodes the entries in parts of bounded length and size.
fn encode_parts(entries: &[Entry]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = entries;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = rest.iter().take(PART_ENTRIES).take_while(|entry| {
            bytes += entry.encoded_bytes();
            bytes <= PART_BYTES
        });
        let (part, left) = rest.split_at(fits.count().max(1));
        parts.push(Part { records: part.len(), entries: encode_entries(part) });
        rest = left;
    }
    parts
}

/// The address of a record and its state at `now`, with published drafts folded.
fn target_state(item: &Item, before: &PublishedDrafts, now: Millis) -> Result<TargetState> {
    let record = before.settle(item::decode(item)?).at(now);
    Ok((address_of(item)?, Some(record).filter(RecordState::exists)))
}

fn too_large() -> Error {
    Error::invalid_because(Code::CommitTooLarge, "a commit publishes at most 10,000 records")
}
