//! Fences off an attempt at a write whose answer was lost.
//!
//! DynamoDB may execute a call after its caller gave up. Such an attempt must not take effect once the record has been
//! judged again, so the fence of the record is raised first. That makes the condition of every earlier attempt false
//! for good: a direct write requires a fence below the time at which the write was made, and a judged write requires
//! the fence that it was judged under. Concurrent writes of other callers fail too, and are judged again.

use aws_sdk_dynamodb::types::ReturnValue;

use super::attempt::Attempt;
use super::item::{self, ENTITY, ttl, write_id};
use crate::domain::kv::{Address, RecordState, Version, Write};
use crate::domain::{Error, Namespace, Result};
use crate::store::client::Store;
use crate::store::error::Failure;
use crate::store::item::{Item, n, s};
use crate::store::update::Update;

impl Store {
    /// Returns the record once every earlier attempt at `write` has either taken effect or can no longer do so.
    ///
    /// # Errors
    /// [`Code::OutcomeUnknown`](crate::domain::Code::OutcomeUnknown) if it cannot be determined whether one has.
    pub(super) async fn fence(
        &self,
        namespace: Namespace,
        address: &Address,
        write: &Write<'_>,
        attempt: &mut Attempt,
    ) -> Result<Item> {
        let mut known = 0;
        loop {
            match self.raise_fence(namespace, address, write, known).await {
                Ok(item) if item::decode(&item)?.may_have_forgotten(write) => return Err(Error::outcome_unknown()),
                Ok(item) => return Ok(item),
                Err(Failure::Condition(Some(item))) => {
                    let record = item::decode(&item)?;
                    if record.version_made_by(write.id).is_some() {
                        return Ok(item);
                    }
                    known = record.fence;
                }
                // A deleted record has no fence.
                Err(Failure::Condition(None)) => known = 0,
                Err(failure) => attempt.record_failure(failure)?,
            }
            attempt.back_off().await?;
        }
    }

    /// Raises the fence if it is still `known`, unless the write has taken effect. A record that does not exist becomes
    /// a tombstone.
    async fn raise_fence(
        &self,
        namespace: Namespace,
        address: &Address,
        write: &Write<'_>,
        known: i64,
    ) -> Result<Item, Failure> {
        let raise = "SET entity = :entity, #schema = :one, #version = if_not_exists(#version, :before), \
                     #ttl = if_not_exists(#ttl, :ttl), fence = :fence";
        let unraised = if known == 0 { "attribute_not_exists(fence)" } else { "fence = :known" };
        let end = write.now.seconds().plus(RecordState::TOMBSTONE_SECONDS);
        let update = Update::new(&self.tables.kv, item::key(namespace, address), raise)
            .condition(format!("{unraised} AND NOT w0 = :id AND NOT w1 = :id AND NOT w2 = :id AND NOT w3 = :id"))
            .values((known != 0).then(|| (":known", n(known))))
            .values([(":entity", s(ENTITY)), (":one", n(1)), (":id", write_id(write.id)), (":ttl", ttl(Some(end)))])
            .values([(":before", n(Version::first(write.now).0 - 1))])
            .values([(":fence", n(write.id.made_at().0.max(known.saturating_add(1))))]);
        let item = update.returning(ReturnValue::AllNew).returning_on_failure().send_once(self).await?;
        if item.is_empty() {
            return Err(Failure::Fault(Error::corrupt_item("an update answered without attributes").into()));
        }
        Ok(item)
    }
}
