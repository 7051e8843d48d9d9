//! Repositories. Each is one item, under the provider's number.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use futures::FutureExt as _;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::super::client::Store;
use super::super::error::Failure;
use super::super::item::{Attributes, Item, n, s};
use super::super::keys;
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
        let mut wanted: Vec<Item> = ids.into_iter().map(|id| row_key(namespace, id)).collect();
        let mut rows = HashMap::new();
        while !wanted.is_empty() {
            let keys = KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(true).build();
            let keys = keys.map_err(|error| Error::internal("reading repositories", error))?;
            let answer = self.db.batch_get_item().request_items(&self.tables.operations, keys).send().await;
            let answer = answer.map_err(Failure::of)?;
            for item in answer.responses.into_iter().flat_map(HashMap::into_values).flatten() {
                let row = decode(&item)?;
                rows.insert(row.known.repository.id, row);
            }
            let mut left = answer.unprocessed_keys.unwrap_or_default();
            wanted = left.remove(&self.tables.operations).map(|keys| keys.keys).unwrap_or_default();
        }
        Ok(ReadRepositories(rows))
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
        let update = self.db.update_item().table_name(&self.tables.operations);
        let update = update.set_key(Some(row_key(namespace, row.known.repository.id)));
        let update = update.update_expression("SET generation = :generation");
        let update = update.condition_expression("version = :version AND generation < :generation");
        let update = update.expression_attribute_values(":generation", n(generation));
        let update = update.expression_attribute_values(":version", n(row.version));
        update.send().await.map(|_| ()).map_err(Failure::of_update)
    }

    /// Replaces a row if it has not changed since it was read.
    async fn replace_repository(&self, namespace: Namespace, old: Option<&Row>, new: &Row) -> Result<(), Failure> {
        let key = row_key(namespace, new.known.repository.id);
        let put = self.db.put_item().table_name(&self.tables.operations).set_item(Some(encode(key, new)));
        let put = match old {
            Some(old) => put
                .condition_expression(UNCHANGED)
                .expression_attribute_values(":version", n(old.version))
                .expression_attribute_values(":generation", n(old.generation)),
            None => put.condition_expression("attribute_not_exists(pk)"),
        };
        put.send().await.map(|_| ()).map_err(Failure::of_put)
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
        let query = self.db.query().table_name(&self.tables.operations).consistent_read(true);
        let query = query.key_condition_expression("pk = :pk AND sk BETWEEN :low AND :high");
        let query = query.expression_attribute_values(":pk", s(keys::installation(namespace)));
        let query = query.expression_attribute_values(":low", s(low)).expression_attribute_values(":high", s("repo$"));
        let query = query.filter_expression("generation < :generation");
        let query = query.expression_attribute_values(":generation", n(generation));
        let page = query.send().await.map_err(Failure::of)?;
        let rows = page.items.unwrap_or_default().iter().map(decode).collect::<Result<_>>()?;
        let last = page.last_evaluated_key.as_ref().and_then(|key| key.find_text(keys::SK));
        Ok((rows, last.and_then(|last| last.strip_prefix(keys::REPOSITORIES)?.parse().ok())))
    }

    /// If the row has changed since it was read, another refresh has found the repository or deleted it.
    async fn remove_repository(&self, namespace: Namespace, row: &Row) -> Result<()> {
        let delete = self.db.delete_item().table_name(&self.tables.operations);
        let delete = delete.set_key(Some(row_key(namespace, row.known.repository.id))).condition_expression(UNCHANGED);
        let delete = delete.expression_attribute_values(":version", n(row.version));
        let delete = delete.expression_attribute_values(":generation", n(row.generation));
        match delete.send().await.map_err(Failure::of_delete) {
            Ok(_) | Err(Failure::Condition(_)) => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }
}

/// The row has not changed since it was read.
const UNCHANGED: &str = "version = :version AND generation = :generation";

fn row_key(namespace: Namespace, id: u64) -> Item {
    Item::from([(keys::PK.into(), s(keys::installation(namespace))), (keys::SK.into(), s(keys::repository(id)))])
}

fn encode(key: Item, row: &Row) -> Item {
    let Row { known: KnownRepository { repository, updated_at }, version, generation } = row;
    let mut item = key;
    item.extend([
        ("entity".into(), s("repository")),
        ("schema".into(), n(1)),
        ("id".into(), n(repository.id)),
        ("owner".into(), s(&repository.owner)),
        ("name".into(), s(repository.name.as_str())),
        ("setup".into(), AttributeValue::Bool(repository.setup)),
        ("updated_at".into(), n(updated_at.0)),
        ("version".into(), n(*version)),
        ("generation".into(), n(*generation)),
    ]);
    item
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
