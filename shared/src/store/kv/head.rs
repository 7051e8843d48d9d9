//! The commit head of an installation. It names the commits that readers must see although their drafts are not folded
//! yet.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::{self, StreamExt, TryStreamExt};
use uuid::Uuid;

use super::item;
use crate::domain::kv::{Address, CommitStamp, DraftId, RecordState, WriteId};
use crate::domain::{Error, Millis, Namespace, Result};
use crate::store::client::Store;
use crate::store::error::condition_held;
use crate::store::item::{Attributes, Item, b, n, s};
use crate::store::keys::{self, ONLY};
use crate::store::query::Query;
use crate::store::update::Update;

/// How many commits the head may name. A commit that finds the head full folds the earlier ones first.
pub const MAX_UNFOLDED_COMMITS: usize = 256;
/// How many commit lists a process caches: as many as one head names. A published list never changes.
const MAX_CACHED_LISTS: usize = MAX_UNFOLDED_COMMITS;
/// How many milliseconds a commit may wait for the worker before requests that read the head wake it, and the interval at
/// which they wake it again. A table's stream keeps a change only for a day.
const OVERDUE_MS: i64 = 3_600_000;
/// How many lists are read concurrently.
const MAX_CONCURRENT_READS: usize = 8;

/// The state of the head at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The number of publications so far.
    pub seq: u64,
    /// The published commits that are not folded yet, with their sequence numbers.
    pub commits: BTreeMap<Uuid, u64>,
    /// When a request last woke the worker because it had missed a commit.
    pub woken_at: Option<Millis>,
}

/// An entry of a commit list: one draft that the commit publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub address: Address,
    pub draft: DraftId,
}

impl Entry {
    /// The length of the encoded entry: the draft id, the length of the sort key, and the sort key (the key, a zero
    /// byte and the index).
    pub fn encoded_bytes(&self) -> usize {
        16 + 2 + self.address.key.as_str().len() + 5
    }
}

/// A cache of commit lists, by commit.
#[derive(Default)]
pub struct CommitLists(Mutex<HashMap<Uuid, Arc<HashSet<DraftId>>>>);

impl CommitLists {
    fn find(&self, commit: Uuid) -> Option<Arc<HashSet<DraftId>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&commit).cloned()
    }

    pub(super) fn insert(&self, commit: Uuid, drafts: HashSet<DraftId>) -> Arc<HashSet<DraftId>> {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lists.len() >= MAX_CACHED_LISTS {
            lists.clear();
        }
        let drafts = Arc::new(drafts);
        lists.insert(commit, Arc::clone(&drafts));
        drafts
    }
}

impl Head {
    /// Whether a commit has waited for too long, and the worker was not woken since.
    fn is_overdue(&self, now: Millis) -> bool {
        let over = |since: Millis| since.0.saturating_add(OVERDUE_MS) <= now.0;
        self.woken_at.is_none_or(over) && self.commits.keys().any(|commit| over(WriteId(*commit).made_at()))
    }

    /// The commits in the order of their publication.
    pub fn in_order(&self) -> Vec<CommitStamp> {
        let mut stamps: Vec<_> =
            self.commits.iter().map(|(commit, seq)| CommitStamp { seq: *seq, commit: *commit }).collect();
        stamps.sort_unstable();
        stamps
    }

    /// Decodes the item of a head. An installation without commits has no item.
    pub fn decode(item: Option<&Item>) -> Result<Self> {
        let Some(item) = item else { return Ok(Self::default()) };
        let commits = item.find_map("commits").into_iter().flatten().map(|(id, seq)| {
            let id = Uuid::try_parse(id)
                .map_err(|error| Error::internal("a commit head has a malformed commit id", error))?;
            let seq = seq.as_n().ok().and_then(|seq| seq.parse().ok());
            Ok((id, seq.ok_or(Error::corrupt_item("a commit head has a commit without a sequence number"))?))
        });
        let woken_at = item.find_number("woken_at").map(Millis);
        Ok(Self { seq: item.number("seq")?, commits: commits.collect::<Result<_>>()?, woken_at })
    }
}

/// The drafts that unfolded commits publish, as of one read of the head.
///
/// The lists are read before any record that is judged by them. If the list of a commit is gone, the commit was folded
/// completely before, so no record that is read later can still hold one of its drafts.
#[derive(Clone, Debug, Default)]
pub struct PublishedDrafts {
    /// The sequence number of the head.
    pub seq: u64,
    /// The commits with their lists, in the order of their publication.
    commits: Vec<(CommitStamp, Arc<HashSet<DraftId>>)>,
}

impl PublishedDrafts {
    /// The commit that published `draft`, if one did. If several commits list it, the first one published it.
    pub fn publication_of(&self, draft: DraftId) -> Option<CommitStamp> {
        self.commits.iter().find(|(_, drafts)| drafts.contains(&draft)).map(|(stamp, _)| *stamp)
    }

    /// Folds the draft of the record if it is published. The record must have been read after the head.
    pub fn settle(&self, record: RecordState) -> RecordState {
        match record.draft.as_ref().and_then(|draft| self.publication_of(draft.id)) {
            Some(stamp) => record.folded(stamp),
            None => record,
        }
    }
}

impl Store {
    pub(super) async fn head(&self, namespace: Namespace) -> Result<Head> {
        let item = self.get(&self.tables.kv, s(keys::head(namespace)), b(ONLY)).await?;
        Head::decode(item.as_ref())
    }

    /// The drafts that are published now and may not be folded yet.
    pub(super) async fn published_drafts(&self, namespace: Namespace, now: Millis) -> Result<PublishedDrafts> {
        let head = self.head(namespace).await?;
        if head.is_overdue(now) {
            self.wake_worker(namespace, now).await;
        }
        self.published_under(namespace, &head).await
    }

    /// Changes the head, so that the table's stream tells the worker of its commits once more: a worker that was away for more
    /// than a day has missed them. The request goes on when this fails.
    async fn wake_worker(&self, namespace: Namespace, now: Millis) {
        tracing::error!(%namespace, "commits were not folded within an hour");
        let update = Update::new(&self.tables.kv, item::head_key(namespace), "SET woken_at = :now")
            .condition("attribute_exists(pk) AND (attribute_not_exists(woken_at) OR woken_at <= :before)")
            .values([(":now", n(now.0)), (":before", n(now.0.saturating_sub(OVERDUE_MS)))]);
        // If the condition fails, another request was faster.
        if let Err(error) = condition_held(update.send_once(self).await) {
            tracing::warn!(%namespace, %error, "the worker could not be woken");
        }
    }

    /// The drafts that the commits of `head` publish.
    pub(super) async fn published_under(&self, namespace: Namespace, head: &Head) -> Result<PublishedDrafts> {
        let lists = stream::iter(head.in_order()).map(|stamp| async move {
            let drafts = self.drafts_of(namespace, stamp.commit).await?;
            Ok::<_, Error>(drafts.map(|drafts| (stamp, drafts)))
        });
        let lists: Vec<_> = lists.buffered(MAX_CONCURRENT_READS).try_collect().await?;
        Ok(PublishedDrafts { seq: head.seq, commits: lists.into_iter().flatten().collect() })
    }

    /// The drafts that a commit publishes. `None` if its list is being deleted.
    pub(super) async fn drafts_of(&self, namespace: Namespace, commit: Uuid) -> Result<Option<Arc<HashSet<DraftId>>>> {
        if let Some(list) = self.commit_lists.find(commit) {
            return Ok(Some(list));
        }
        let entries = self.commit_entries(namespace, commit).await?;
        Ok(entries
            .map(|entries| self.commit_lists.insert(commit, entries.into_iter().map(|entry| entry.draft).collect())))
    }

    /// All entries of a commit list. `None` unless all its parts exist.
    pub(super) async fn commit_entries(&self, namespace: Namespace, commit: Uuid) -> Result<Option<Vec<Entry>>> {
        let query = Query::new(&self.tables.kv, "pk = :pk", [(":pk", s(keys::commit(namespace, commit)))]);
        let (mut pages, mut entries, mut found, mut expected) = (pin!(query.pages(self)), Vec::new(), 0, None);
        while let Some(parts) = pages.try_next().await? {
            for part in parts {
                entries.extend(
                    decode_entries(part.bytes("entries")?).ok_or(Error::corrupt_item("a commit list is malformed"))?,
                );
                found += 1;
                expected = Some(part.number::<usize>("parts")?);
            }
        }
        Ok((expected == Some(found)).then_some(entries))
    }
}

/// Encodes the entries one after the other: 16 bytes of draft id, 2 bytes of length, the sort key.
pub fn encode_entries(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries {
        let sort_key = keys::record(&entry.address);
        bytes.extend_from_slice(entry.draft.0.as_bytes());
        bytes.extend_from_slice(&u16::try_from(sort_key.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend_from_slice(&sort_key);
    }
    bytes
}

pub(super) fn decode_entries(mut bytes: &[u8]) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let (draft, rest) = bytes.split_first_chunk::<16>()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (sort_key, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        entries.push(Entry { address: keys::parse_record(sort_key)?, draft: DraftId(Uuid::from_bytes(*draft)) });
        bytes = rest;
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::kv::{Idx, Key};

    #[test]
    fn entries_round_trip_and_a_torn_list_is_detected() {
        let entry = |key: &str, idx| Entry {
            address: Address { key: Key::new(key).unwrap(), idx: Idx::new(idx).unwrap() },
            draft: DraftId(Uuid::from_u128(5)),
        };
        let entries = vec![entry("a/b", 0), entry(&"k".repeat(1000), 7)];
        let bytes = encode_entries(&entries);
        assert_eq!(decode_entries(&bytes).as_ref(), Some(&entries));
        assert_eq!(decode_entries(&bytes[..bytes.len() - 1]), None);
    }
}
