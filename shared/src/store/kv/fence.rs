//! Fencing off a try at a write whose answer was lost.
//!
//! DynamoDB may execute a call after its caller gave up. Such a try must not take effect once the record was judged
//! again, so the record is fenced first. Raising the fence makes every condition under which the try was sent false for
//! good: the fast way wants a fence below the time at which the write was made, the other way the fence it was judged
//! under. Writes of others that are under way fail too, and are judged again.

use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::attempt::{Attempt, unknown};
use super::item::{self, ENTITY, ttl, write_id};
use crate::domain::kv::{Address, RecordState, Version, Write};
use crate::domain::{Error, Namespace, Result};
use crate::store::client::Store;
use crate::store::error::Failure;
use crate::store::item::{Item, b, n, s};
use crate::store::keys::{self, PK, SK};

impl Store {
    /// The record as it is once no earlier try at `write` can take effect any more, or has.
    ///
    /// # Errors
    /// [`Code::OutcomeUnknown`](crate::domain::Code::OutcomeUnknown): it cannot be learnt whether one has.
    pub(super) async fn fence(
        &self,
        namespace: Namespace,
        address: &Address,
        write: &Write<'_>,
        attempt: &mut Attempt,
    ) -> Result<Item> {
        let mut seen = 0;
        loop {
            match self.raise_fence(namespace, address, write, seen).await {
                Ok(item) if item::decode(&item)?.may_have_forgotten(write) => return Err(unknown()),
                Ok(item) => return Ok(item),
                Err(Failure::Condition(Some(item))) => {
                    let record = item::decode(&item)?;
                    if record.version_made_by(write.id).is_some() {
                        return Ok(item);
                    }
                    seen = record.fence;
                }
                // A record that is not there any more has no fence.
                Err(Failure::Condition(None)) => seen = 0,
                Err(failure) => attempt.note(failure)?,
            }
            attempt.pause().await?;
        }
    }

    /// Raises the fence from `seen`, unless the write has taken effect. A record that is not there becomes a tombstone.
    async fn raise_fence(
        &self,
        namespace: Namespace,
        address: &Address,
        write: &Write<'_>,
        seen: i64,
    ) -> Result<Item, Failure> {
        let update = self.db_once.update_item().table_name(&self.tables.kv);
        let update = update.key(PK, s(keys::records(namespace))).key(SK, b(keys::record(address)));
        let update = update.update_expression(
            "SET entity = :entity, #schema = :one, #version = if_not_exists(#version, :before), \
             #ttl = if_not_exists(#ttl, :ttl), fence = :fence",
        );
        let unraised = if seen == 0 { "attribute_not_exists(fence)" } else { "fence = :seen" };
        let seen_value = (seen != 0).then(|| (":seen".to_owned(), n(seen)));
        let update = update.condition_expression(format!(
            "{unraised} AND NOT w0 = :id AND NOT w1 = :id AND NOT w2 = :id AND NOT w3 = :id"
        ));
        let end = write.now.seconds().plus(RecordState::TOMBSTONE_SECONDS);
        let update = update
            .set_expression_attribute_values(seen_value.map(|value| Item::from([value])))
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#ttl", keys::TTL)
            .expression_attribute_values(":entity", s(ENTITY))
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":before", n(Version::first(write.now).0 - 1))
            .expression_attribute_values(":ttl", ttl(Some(end)))
            .expression_attribute_values(":fence", n(write.id.made_at().0.max(seen.saturating_add(1))))
            .expression_attribute_values(":id", write_id(write.id))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let answer = update.send().await.map_err(Failure::of_update)?;
        let item = answer.attributes.filter(|item| !item.is_empty());
        item.ok_or_else(|| Failure::Fault(Error::corrupt_item("an update answered without attributes").into()))
    }
}
