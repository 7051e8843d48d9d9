//! Repositories. Each is one item, under the provider's number.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use futures::FutureExt as _;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::super::client::Store;
use super::super::error::Failure;
use super::super::expression::Condition;
use super::super::item::{self, Attributes, Item, n, s};
use super::super::keys;
use super::super::query::Query;
use super::super::update::Update;
use super::ATTEMPTS;
use crate::domain::{Error, KnownRepository, Millis, Namespace, Repository, RepositoryName, Result};

/// How many writes of a page run concurrently.
const CONCURRENCY: usize = 16;

/// A repository with its bookkeeping.
#[derive(Clone)]
struct Row {
    known: KnownRepository,
    /// The number of writes that changed the repository.
    version: u64,
    /// The last refresh that found the repository.
    generation: u64,
}

/// Some repositories as they were when they were read. Conditions on the writes detect later changes.
pub struct ReadRepositories(HashMap<u64, Row>);

impl ReadRepositories {
    /// Whether a refresh of this generation or a later one has found the repository.
    pub fn found_since(&self, id: u64, generation: u64) -> bool {
        self.0.get(&id).is_some_and(|row| row.generation >= generation)
    }
}

impl Store {
    /// The repository with this number in the installation.
    pub async fn find_repository(&self, namespace: Namespace, id: u64) -> Result<Option<KnownRepository>> {
        Ok(self.find_row(namespace, id).await?.map(|row| row.known))
    }

    async fn find_row(&self, namespace: Namespace, id: u64) -> Result<Option<Row>> {
        let item = self.get(&self.tables.operations, s(keys::installation(namespace)), s(keys::repository(id))).await?;
        item.as_ref().map(decode).transpose()
    }

    /// The stored state of these repositories, at most 100.
    ///
    /// A refresh needs it for two reasons: repeating a page must not ask the provider about each repository again, and
    /// an unchanged row gets only a new generation.
    pub async fn read_repositories(
        &self,
        namespace: Namespace,
        ids: impl IntoIterator<Item = u64>,
    ) -> Result<ReadRepositories> {
        let ids: BTreeSet<u64> = ids.into_iter().collect();
        let keys = ids.into_iter().map(|id| row_key(namespace, id)).collect();
        let rows = self.get_batch(&self.tables.operations, keys, None).await?;
        let rows = rows.iter().map(|item| decode(item).map(|row| (row.known.repository.id, row)));
        rows.collect::<Result<_>>().map(ReadRepositories)
    }

    /// Writes what a provider reports about its repositories, at most 100 at once. An unchanged repository only gets
    /// the new generation. A repository that a later refresh has found is not changed. Repeating this changes nothing.
    /// `read` is their stored state as it was read before.
    pub async fn upsert_repositories(
        &self,
        namespace: Namespace,
        repositories: &[Repository],
        read: &ReadRepositories,
        generation: u64,
        now: Millis,
    ) -> Result<()> {
        let wanted: BTreeMap<u64, &Repository> = repositories.iter().map(|each| (each.id, each)).collect();
        let writes: Vec<_> = wanted
            .values()
            .map(|repository| {
                let row = read.0.get(&repository.id).cloned();
                self.upsert_repository(namespace, repository, row, generation, now).boxed()
            })
            .collect();
        stream::iter(writes).buffer_unordered(CONCURRENCY).try_collect().await
    }

    async fn upsert_repository(
        &self,
        namespace: Namespace,
        repository: &Repository,
        mut row: Option<Row>,
        generation: u64,
        now: Millis,
    ) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let written = match &row {
                Some(row) if row.generation > generation => return Ok(()),
                Some(row) if row.known.repository == *repository => {
                    self.set_generation(namespace, row, generation).await
                }
                old => {
                    let known = KnownRepository { repository: repository.clone(), updated_at: now };
                    let version = old.as_ref().map_or(1, |old| old.version + 1);
                    self.replace_repository(namespace, old.as_ref(), &Row { known, version, generation }).await
                }
            };
            match written {
                Ok(()) => return Ok(()),
                Err(Failure::Condition(_) | Failure::Busy(_)) => {
                    row = self.find_row(namespace, repository.id).await?;
                }
                Err(failure) => return Err(failure.into()),
            }
        }
        Err(Error::unavailable("too many concurrent writes of a repository"))
    }

    /// Records that a refresh has found the row unchanged.
    async fn set_generation(&self, namespace: Namespace, row: &Row, generation: u64) -> Result<(), Failure> {
        if row.generation == generation {
            return Ok(());
        }
        let key = row_key(namespace, row.known.repository.id);
        Update::new(&self.tables.operations, key, "SET generation = :generation")
            .condition("version = :version AND generation < :generation")
            .values([(":generation", n(generation)), (":version", n(row.version))])
            .send(self)
            .await
            .map(drop)
    }

    /// Replaces a row if it has not changed since it was read.
    async fn replace_repository(&self, namespace: Namespace, old: Option<&Row>, new: &Row) -> Result<(), Failure> {
        let (table, item) = (&self.tables.operations, encode(namespace, new));
        match old {
            Some(old) => self.put_if(table, item, unchanged(old)).await,
            None => self.put_if(table, item, "attribute_not_exists(pk)").await,
        }
    }

    /// Whether there are repositories that no refresh since `generation` has found.
    pub async fn has_vanished_repositories(&self, namespace: Namespace, generation: u64) -> Result<bool> {
        let mut after = None;
        loop {
            let (rows, next) = self.list_vanished(namespace, generation, after).await?;
            match next {
                _ if !rows.is_empty() => return Ok(true),
                None => return Ok(false),
                next => after = next,
            }
        }
    }

    /// Deletes the repositories that no refresh since `generation` has found: a complete pass did not find them.
    pub async fn remove_vanished_repositories(&self, namespace: Namespace, generation: u64) -> Result<()> {
        let mut after = None;
        loop {
            let (rows, next) = self.list_vanished(namespace, generation, after).await?;
            let removals: Vec<_> = rows.iter().map(|row| self.remove_repository(namespace, row).boxed()).collect();
            stream::iter(removals).buffer_unordered(CONCURRENCY).try_collect::<()>().await?;
            match next {
                None => return Ok(()),
                next => after = next,
            }
        }
    }

    /// A page of those repositories with numbers above `after`, and the number after which the next page begins.
    async fn list_vanished(
        &self,
        namespace: Namespace,
        generation: u64,
        after: Option<u64>,
    ) -> Result<(Vec<Row>, Option<u64>)> {
        let low = after.map_or_else(|| keys::REPOSITORIES.to_owned(), |after| format!("{}\0", keys::repository(after)));
        let values = [(":pk", s(keys::installation(namespace))), (":low", s(low)), (":high", s("repo$"))];
        let query = Query::new(&self.tables.operations, "pk = :pk AND sk BETWEEN :low AND :high", values)
            .filter("generation < :generation", [(":generation", n(generation))]);
        let page = query.page(self).await?;
        let rows = page.items.iter().map(decode).collect::<Result<_>>()?;
        let last = page.next.as_ref().and_then(|key| key.find_text(keys::SK));
        Ok((rows, last.and_then(|last| last.strip_prefix(keys::REPOSITORIES)?.parse().ok())))
    }

    /// If the row has changed since it was read, another refresh has found the repository or deleted it.
    async fn remove_repository(&self, namespace: Namespace, row: &Row) -> Result<()> {
        let key = row_key(namespace, row.known.repository.id);
        self.delete_if(&self.tables.operations, key, unchanged(row)).await.map(drop)
    }
}

/// The row has not changed since it was read.
fn unchanged(row: &Row) -> Condition {
    let values = [(":version", n(row.version)), (":generation", n(row.generation))];
    ("version = :version AND generation = :generation", values).into()
}

fn row_key(namespace: Namespace, id: u64) -> Item {
    item::key(keys::installation(namespace), keys::repository(id))
}

fn encode(namespace: Namespace, row: &Row) -> Item {
    let Row { known: KnownRepository { repository, updated_at }, version, generation } = row;
    let attributes = [
        ("id", n(repository.id)),
        ("owner", s(&repository.owner)),
        ("name", s(repository.name.as_str())),
        ("setup", AttributeValue::Bool(repository.setup)),
        ("updated_at", n(updated_at.0)),
        ("version", n(*version)),
        ("generation", n(*generation)),
    ];
    item::entity(row_key(namespace, repository.id), "repository", attributes)
}

/// The number of a repository whose row can be read.
pub(super) fn decode_id(item: &Item) -> Result<u64> {
    decode(item).map(|row| row.known.repository.id)
}

fn decode(item: &Item) -> Result<Row> {
    let setup = item.get("setup").and_then(|setup| setup.as_bool().ok());
    let repository = Repository {
        id: item.number("id")?,
        owner: item.text("owner")?.to_owned(),
        name: RepositoryName::new(item.text("name")?)?,
        setup: *setup.ok_or(Error::corrupt_item("an item lacks a boolean attribute"))?,
    };
    let known = KnownRepository { repository, updated_at: Millis(item.number("updated_at")?) };
    Ok(Row { known, version: item.number("version")?, generation: item.number("generation")? })
}
