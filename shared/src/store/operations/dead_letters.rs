//! Dead letters, and the number of failures of each change that may become one.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::super::client::Store;
use super::super::error::Failure;
use super::super::item::{Attributes, Item, n, s};
use super::super::keys;
use crate::domain::{DeadLetter, DeadLetterId, Error, Millis, Result};

/// How many seconds the number of failures is kept: longer than the stream keeps its records (24 hours).
const COUNTED_SECONDS: i64 = 2 * 24 * 3600;
/// How long a replay may take, in milliseconds. After that it can be requested again.
const REPLAY_MS: i64 = 15 * 60 * 1000;

impl Store {
    /// Counts a failure to process a change. Returns the number of failures and the time of the first one.
    pub async fn count_failure(&self, kind: &str, sequence_number: &str, now: Millis) -> Result<(u32, Millis)> {
        let update = self.db.update_item().table_name(&self.tables.operations);
        let update = update.key(keys::PK, s(keys::failure(kind, sequence_number))).key(keys::SK, s(keys::FAILURE));
        let update = update.update_expression(
            "SET entity = :entity, #schema = :one, first_at = if_not_exists(first_at, :now), #ttl = :ttl ADD attempts :one",
        );
        let update =
            update.expression_attribute_names("#schema", "schema").expression_attribute_names("#ttl", keys::TTL);
        let update =
            update.expression_attribute_values(":entity", s("failure")).expression_attribute_values(":one", n(1));
        let update = update.expression_attribute_values(":now", n(now.0));
        let update = update.expression_attribute_values(":ttl", n(now.seconds().plus(COUNTED_SECONDS).0));
        let answer = update.return_values(ReturnValue::AllNew).send().await.map_err(Failure::of_update)?;
        let item = answer.attributes.unwrap_or_default();
        Ok((item.number("attempts")?, Millis(item.number("first_at")?)))
    }

    /// Writes a dead letter. If it exists already, because its change was delivered again, only the last failure is
    /// updated, and a replay that was requested since stays requested.
    pub async fn put_dead_letter(&self, letter: &DeadLetter) -> Result<()> {
        let update = self.letter_update(&letter.id).update_expression(
            "SET entity = :entity, #schema = :schema, change = :change, attempts = :attempts, #error = :error, \
             first_failed_at = :first, last_failed_at = :last",
        );
        let update = update.expression_attribute_names("#schema", "schema");
        let update = update.expression_attribute_names("#error", "error");
        let values = [
            (":entity", s("dead-letter")),
            (":schema", n(1)),
            (":change", s(&letter.change)),
            (":attempts", n(letter.attempts)),
            (":error", s(&letter.error)),
            (":first", n(letter.first_failed_at.0)),
            (":last", n(letter.last_failed_at.0)),
        ];
        let update =
            values.into_iter().fold(update, |update, (name, value)| update.expression_attribute_values(name, value));
        update.send().await.map_err(Failure::of_update)?;
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
        let update = self.letter_update(id).update_expression(
            "SET attempts = attempts + :one, #error = :error, last_failed_at = :now REMOVE replay_requested_at",
        );
        let update = update.condition_expression("replay_requested_at = :asked");
        let update = update.expression_attribute_names("#error", "error");
        let update = update.expression_attribute_values(":one", n(1)).expression_attribute_values(":error", s(error));
        let update = update.expression_attribute_values(":now", n(now.0));
        let update = update.expression_attribute_values(":asked", n(asked_at.0));
        match update.send().await.map_err(Failure::of_update) {
            Ok(_) => Ok(true),
            Err(Failure::Condition(_)) => Ok(false),
            Err(failure) => Err(failure.into()),
        }
    }

    fn letter_update(&self, id: &DeadLetterId) -> UpdateItemFluentBuilder {
        let update = self.db.update_item().table_name(&self.tables.operations);
        update.key(keys::PK, s(keys::DEAD_LETTERS)).key(keys::SK, s(id.as_str()))
    }

    pub async fn find_dead_letter(&self, id: &DeadLetterId) -> Result<Option<DeadLetter>> {
        let item = self.get(&self.tables.operations, s(keys::DEAD_LETTERS), s(id.as_str())).await?;
        item.map(|item| decode(&item)).transpose()
    }

    /// Deletes a dead letter whose change has been processed. Succeeds if it is already gone.
    pub async fn remove_dead_letter(&self, id: &DeadLetterId) -> Result<()> {
        let delete = self.db.delete_item().table_name(&self.tables.operations);
        let delete = delete.key(keys::PK, s(keys::DEAD_LETTERS)).key(keys::SK, s(id.as_str()));
        delete.send().await.map_err(Failure::of)?;
        Ok(())
    }

    /// A page of dead letters, the newest failure first, and the sort key after which the next page begins.
    pub async fn list_dead_letters(
        &self,
        after: Option<&DeadLetterId>,
        limit: usize,
    ) -> Result<(Vec<DeadLetter>, Option<String>)> {
        let query = self.db.query().table_name(&self.tables.operations).consistent_read(true).scan_index_forward(false);
        let query = query.expression_attribute_values(":pk", s(keys::DEAD_LETTERS));
        let query = match after {
            Some(after) => query
                .key_condition_expression("pk = :pk AND sk < :after")
                .expression_attribute_values(":after", s(after.as_str())),
            None => query.key_condition_expression("pk = :pk"),
        };
        let query = query.limit(i32::try_from(limit + 1).unwrap_or(i32::MAX));
        let answer = query.send().await.map_err(Failure::of)?;
        let mut items = answer.items.unwrap_or_default();
        let more = items.len() > limit || answer.last_evaluated_key.is_some();
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|item| item.text(keys::SK).map(str::to_owned)).transpose()?;
        Ok((items.iter().map(decode).collect::<Result<_>>()?, next))
    }

    /// Requests a replay; the table's stream delivers the request to the worker. If several administrators ask at once,
    /// one request takes effect. Each gets the dead letter in its current state, or `None` if there is none.
    pub async fn request_replay(&self, id: &DeadLetterId, now: Millis) -> Result<Option<DeadLetter>> {
        let update = self.letter_update(id).update_expression("SET replay_requested_at = :now");
        let update = update.condition_expression(
            "attribute_exists(pk) AND (attribute_not_exists(replay_requested_at) OR replay_requested_at <= :given_up)",
        );
        let update = update.expression_attribute_values(":now", n(now.0));
        let update = update.expression_attribute_values(":given_up", n(now.0 - REPLAY_MS));
        let update = update.return_values(ReturnValue::AllNew);
        let update = update.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match update.send().await.map_err(Failure::of_update) {
            Ok(answer) => answer.attributes.map(|item| decode(&item)).transpose(),
            Err(Failure::Condition(item)) => item.filter(|item| !item.is_empty()).map(|item| decode(&item)).transpose(),
            Err(failure) => Err(failure.into()),
        }
    }
}

fn decode(item: &Item) -> Result<DeadLetter> {
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
