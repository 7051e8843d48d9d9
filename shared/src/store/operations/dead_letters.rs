//! Dead letters, and the number of failures of each change that may become one.

use aws_sdk_dynamodb::types::ReturnValue;

use super::super::client::Store;
use super::super::error::Failure;
use super::super::item::{Attributes, Item, key, n, s};
use super::super::keys;
use super::super::query::{Page, Query};
use super::super::update::Update;
use crate::domain::{DeadLetter, DeadLetterId, Error, Millis, Result};

/// How many seconds the number of failures is kept: longer than the stream keeps its records (24 hours).
const COUNTED_SECONDS: i64 = 2 * 24 * 3600;
/// How long a replay may take, in milliseconds. After that it can be requested again.
const REPLAY_MS: i64 = 15 * 60 * 1000;

impl Store {
    /// Counts a failure to process a change. Returns the number of failures and the time of the first one.
    pub async fn count_failure(&self, kind: &str, sequence_number: &str, now: Millis) -> Result<(u32, Millis)> {
        let key = key(keys::failure(kind, sequence_number), keys::FAILURE);
        let update = "SET entity = :entity, #schema = :one, first_at = if_not_exists(first_at, :now), #ttl = :ttl \
                      ADD attempts :one";
        let ttl = now.seconds().plus(COUNTED_SECONDS);
        let values = [(":entity", s("failure")), (":one", n(1)), (":now", n(now.0)), (":ttl", n(ttl.0))];
        let update = Update::new(&self.tables.operations, key, update).values(values).returning(ReturnValue::AllNew);
        let item = update.send(self).await?;
        Ok((item.number("attempts")?, Millis(item.number("first_at")?)))
    }

    /// Writes a dead letter. If it exists already, because its change was delivered again, only the last failure is
    /// updated, and a replay that was requested since stays requested.
    pub async fn put_dead_letter(&self, letter: &DeadLetter) -> Result<()> {
        let set = "SET entity = :entity, #schema = :schema, change = :change, attempts = :attempts, #error = :error, \
                   first_failed_at = :first, last_failed_at = :last";
        let values = [
            (":entity", s("dead-letter")),
            (":schema", n(1)),
            (":change", s(&letter.change)),
            (":attempts", n(letter.attempts)),
            (":error", s(&letter.error)),
            (":first", n(letter.first_failed_at.0)),
            (":last", n(letter.last_failed_at.0)),
        ];
        self.letter_update(&letter.id, set).values(values).send(self).await?;
        Ok(())
    }

    /// Records that the replay requested at `asked_at` failed with `error`. Returns `false` if that replay is no longer
    /// pending: another worker has recorded its failure, the dead letter was deleted, or a later replay was requested.
    pub async fn end_failed_replay(
        &self,
        id: &DeadLetterId,
        asked_at: Millis,
        error: &str,
        now: Millis,
    ) -> Result<bool> {
        let end = "SET attempts = attempts + :one, #error = :error, last_failed_at = :now REMOVE replay_requested_at";
        self.letter_update(id, end)
            .condition("replay_requested_at = :asked")
            .values([(":one", n(1)), (":error", s(error)), (":now", n(now.0)), (":asked", n(asked_at.0))])
            .applied(self)
            .await
    }

    fn letter_update(&self, id: &DeadLetterId, expression: &str) -> Update {
        Update::new(&self.tables.operations, letter_key(id), expression)
    }

    pub async fn find_dead_letter(&self, id: &DeadLetterId) -> Result<Option<DeadLetter>> {
        let item = self.get(&self.tables.operations, s(keys::DEAD_LETTERS), s(id.as_str())).await?;
        item.map(|item| decode(&item)).transpose()
    }

    /// Deletes a dead letter whose change has been processed. Succeeds if it is already gone.
    pub async fn remove_dead_letter(&self, id: &DeadLetterId) -> Result<()> {
        self.delete(&self.tables.operations, letter_key(id)).await
    }

    /// A page of dead letters, the newest failure first, and the sort key after which the next page begins.
    pub async fn list_dead_letters(
        &self,
        after: Option<&DeadLetterId>,
        limit: usize,
    ) -> Result<(Vec<DeadLetter>, Option<String>)> {
        let (table, pk) = (&self.tables.operations, (":pk", s(keys::DEAD_LETTERS)));
        let query = match after {
            Some(after) => Query::new(table, "pk = :pk AND sk < :after", [pk, (":after", s(after.as_str()))]),
            None => Query::new(table, "pk = :pk", [pk]),
        };
        let Page { mut items, next } = query.descending().limit(limit + 1).page(self).await?;
        let more = items.len() > limit || next.is_some();
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|item| item.text(keys::SK).map(str::to_owned)).transpose()?;
        Ok((items.iter().map(decode).collect::<Result<_>>()?, next))
    }

    /// Requests a replay; the table's stream delivers the request to the worker. If several administrators ask at once,
    /// one request takes effect. Each gets the dead letter in its current state, or `None` if there is none.
    pub async fn request_replay(&self, id: &DeadLetterId, now: Millis) -> Result<Option<DeadLetter>> {
        let unasked =
            "attribute_exists(pk) AND (attribute_not_exists(replay_requested_at) OR replay_requested_at <= :given_up)";
        let update = self
            .letter_update(id, "SET replay_requested_at = :now")
            .condition(unasked)
            .values([(":now", n(now.0)), (":given_up", n(now.0 - REPLAY_MS))]);
        match update.returning(ReturnValue::AllNew).returning_on_failure().send(self).await {
            Ok(item) => decode(&item).map(Some),
            Err(Failure::Condition(item)) => item.filter(|item| !item.is_empty()).map(|item| decode(&item)).transpose(),
            Err(failure) => Err(failure.into()),
        }
    }
}

fn letter_key(id: &DeadLetterId) -> Item {
    key(keys::DEAD_LETTERS, id.as_str())
}

pub(super) fn decode(item: &Item) -> Result<DeadLetter> {
    let id = DeadLetterId::parse(item.text(keys::SK)?).ok_or(Error::corrupt_item("a dead letter's id is malformed"))?;
    Ok(DeadLetter {
        id,
        change: item.text("change")?.to_owned(),
        attempts: item.number("attempts")?,
        error: item.text("error")?.to_owned(),
        first_failed_at: Millis(item.number("first_failed_at")?),
        last_failed_at: Millis(item.number("last_failed_at")?),
        replay_requested_at: item.find_number("replay_requested_at").map(Millis),
    })
}
