//! Leases on items that ask the worker for work: tasks and membership checks.
//!
//! | attribute | meaning |
//! |---|---|
//! | `wake` | when the item last asked for a worker; the table's stream delivers such writes to the worker |
//! | `holder` | the worker that holds the lease |
//! | `lease_until` | when the lease expires |
//! | `not_before` | no worker may lease the item before this time |
//!
//! Once another worker has leased an item, the writes of the first one fail.

use aws_sdk_dynamodb::types::AttributeValue;
use futures::stream::Stream;
use uuid::Uuid;

use super::super::client::Store;
use super::super::item::{Attributes, Item, b, n, s};
use super::super::query::Query;
use super::super::update::Update;
use crate::domain::{Millis, Result};

/// How long a lease lasts, in milliseconds, from its begin or from the last step. It is longer than the timeout of the
/// worker's function, so that only a worker that died loses its lease.
pub const LEASE_MS: i64 = 150_000;
/// How many milliseconds after an item was woken it is woken again, if no worker has leased it.
const WAKE_AGAIN_MS: i64 = 60_000;
/// No worker holds the item at `:now`, and its pause is over.
pub(super) const MAY_BE_LEASED: &str = "(attribute_not_exists(lease_until) OR lease_until <= :now) \
                                        AND (attribute_not_exists(not_before) OR not_before <= :now)";

/// The write failed because another worker has leased the item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseLost;

/// Whether [`MAY_BE_LEASED`] holds.
pub(super) fn may_be_leased(item: &Item, now: Millis) -> bool {
    let over = |name| item.find_number::<i64>(name).is_none_or(|until| until <= now.0);
    over("lease_until") && over("not_before")
}

impl Store {
    /// Sends an update if `holder` still holds the lease.
    pub(super) async fn update_if_held(&self, update: Update, holder: Uuid) -> Result<Result<(), LeaseLost>> {
        let update = update.condition("holder = :holder").values([(":holder", b(holder.into_bytes()))]);
        Ok(if update.applied(self).await? { Ok(()) } else { Err(LeaseLost) })
    }

    /// Wakes an item, unless no worker may lease it or it was woken a moment ago. The condition `unchanged`, with its
    /// values, fails if the item has been leased since it was read.
    pub(super) async fn wake(
        &self,
        item: &Item,
        key: Item,
        (unchanged, values): (&str, Option<(&str, AttributeValue)>),
        now: Millis,
    ) -> Result<bool> {
        let woken_at: Option<i64> = item.find_number("wake");
        if !may_be_leased(item, now) || woken_at.is_some_and(|woken_at| woken_at > now.0 - WAKE_AGAIN_MS) {
            return Ok(false);
        }
        let update = Update::new(&self.tables.operations, key, "SET wake = :now REMOVE not_before");
        let update = update.condition(format!("{unchanged} AND {MAY_BE_LEASED}"));
        update.values([(":now", n(now.0))]).values(values).applied(self).await
    }

    /// The items of a partition of the operations table, by pages.
    pub(super) fn items_of(&self, partition: &str) -> impl Stream<Item = Result<Vec<Item>>> + '_ {
        Query::new(&self.tables.operations, "pk = :pk", [(":pk", s(partition))]).pages(self)
    }
}
