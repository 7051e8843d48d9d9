//! Membership checks for the worker: at most one for each membership at a time.
//!
//! Requesting a check creates its row, and the table's stream delivers that to the worker. The row is deleted when the
//! provider has given a definite answer. Until then it stores since when the membership is in doubt, which every use of
//! the membership reads. A check without a definite answer waits until its next time, and the worker's timer wakes it.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use futures::future::try_join_all;
use uuid::Uuid;

use super::super::client::Store;
use super::super::error::Failure;
use super::super::item::{Attributes, Item, b, n, s};
use super::super::keys;
use super::leases::LEASE_MS;
use crate::domain::{Error, Membership, Millis, Namespace, Result, UserId};

/// A check that this worker holds.
#[derive(Clone, Debug)]
pub struct MembershipCheck {
    pub user: UserId,
    pub namespace: Namespace,
    /// When the check was requested.
    pub asked_at: Millis,
    /// How many attempts ended without a definite answer.
    pub attempts: u32,
    holder: Uuid,
}

impl Store {
    /// Requests a check of a membership, unless one is pending. Returns since when it has been pending. A check from
    /// before the membership's last confirmation is replaced.
    pub async fn ask_membership_check(
        &self,
        user: UserId,
        namespace: Namespace,
        membership: Membership,
        now: Millis,
    ) -> Result<Millis> {
        let put = self.db.put_item().table_name(&self.tables.operations).set_item(Some(row(user, namespace, now)));
        let put = put.condition_expression("attribute_not_exists(pk) OR asked_at <= :checked_at");
        let put = put.expression_attribute_values(":checked_at", n(membership.checked_at.map_or(0, |at| at.0)));
        let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match put.send().await.map_err(Failure::of_put) {
            Ok(_) => Ok(now),
            Err(Failure::Condition(Some(there))) => there.number("asked_at").map(Millis),
            Err(failure) => Err(failure.into()),
        }
    }

    /// Takes a check. Returns `None` if there is none, if another worker holds it, or if its time has not come.
    /// `holder` must be random for each call.
    pub async fn take_membership_check(
        &self,
        user: UserId,
        namespace: Namespace,
        holder: Uuid,
        now: Millis,
    ) -> Result<Option<MembershipCheck>> {
        let update = self.check_update(user, namespace);
        let update = update.update_expression("SET holder = :holder, lease_until = :until REMOVE wake, not_before");
        let update = update.condition_expression(
            "attribute_exists(pk) AND (holder = :holder OR attribute_not_exists(lease_until) OR lease_until <= :now) \
             AND (attribute_not_exists(not_before) OR not_before <= :now)",
        );
        let update = with_values(
            update,
            [(":holder", b(holder.into_bytes())), (":until", n(now.0 + LEASE_MS)), (":now", n(now.0))],
        );
        let there = match update.return_values(ReturnValue::AllNew).send().await.map_err(Failure::of_update) {
            Ok(answer) => answer.attributes.unwrap_or_default(),
            Err(Failure::Condition(_)) => return Ok(None),
            Err(failure) => return Err(failure.into()),
        };
        let asked_at = there.number("asked_at").map(Millis)?;
        let attempts = there.find_number("attempts").unwrap_or(0);
        Ok(Some(MembershipCheck { user, namespace, asked_at, attempts, holder }))
    }

    /// Deletes a check, unless another worker has taken it since.
    pub async fn finish_membership_check(&self, check: &MembershipCheck) -> Result<()> {
        let delete = self.db.delete_item().table_name(&self.tables.operations);
        let delete = delete.set_key(Some(key(check.user, check.namespace))).condition_expression("holder = :holder");
        let delete = delete.expression_attribute_values(":holder", b(check.holder.into_bytes()));
        match delete.send().await.map_err(Failure::of_delete) {
            Ok(_) | Err(Failure::Condition(_)) => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }

    /// Releases a check without an answer. It is not taken again before `until`.
    pub async fn put_off_membership_check(&self, check: &MembershipCheck, until: Millis) -> Result<()> {
        let update = self.check_update(check.user, check.namespace);
        let update =
            update.update_expression("SET not_before = :until, attempts = :attempts REMOVE holder, lease_until");
        let update = with_values(update, [(":until", n(until.0)), (":attempts", n(check.attempts.saturating_add(1)))]);
        // If another worker has taken the check, that worker decides when it is taken again.
        self.update_if_held(update, check.holder).await.map(drop)
    }

    /// Wakes the checks that no worker holds and whose time has come. Returns how many it woke.
    pub async fn wake_membership_checks(&self, now: Millis) -> Result<usize> {
        let shards = (0..keys::MEMBERSHIP_CHECK_SHARDS).map(|shard| self.wake_shard(shard, now));
        Ok(try_join_all(shards).await?.into_iter().sum())
    }

    async fn wake_shard(&self, shard: u8, now: Millis) -> Result<usize> {
        let partition = keys::membership_checks(shard);
        let (mut woken, mut checks) = (0, self.items_of(partition).send());
        while let Some(item) = checks.try_next().await.map_err(Failure::of)? {
            let (user, namespace) =
                parse(&item).ok_or(Error::corrupt_item("a membership check's sort key is malformed"))?;
            let update = self.check_update(user, namespace);
            woken += usize::from(self.wake(&item, update, "attribute_exists(pk)", now).await?);
        }
        Ok(woken)
    }

    fn check_update(&self, user: UserId, namespace: Namespace) -> UpdateItemFluentBuilder {
        self.db.update_item().table_name(&self.tables.operations).set_key(Some(key(user, namespace)))
    }
}

fn with_values<const N: usize>(
    update: UpdateItemFluentBuilder,
    values: [(&'static str, AttributeValue); N],
) -> UpdateItemFluentBuilder {
    values.into_iter().fold(update, |update, (name, value)| update.expression_attribute_values(name, value))
}

fn key(user: UserId, namespace: Namespace) -> Item {
    let shard = keys::membership_check_shard(user);
    Item::from([
        (keys::PK.into(), s(keys::membership_checks(shard))),
        (keys::SK.into(), s(keys::membership_check(user, namespace))),
    ])
}

fn row(user: UserId, namespace: Namespace, now: Millis) -> Item {
    let mut item = key(user, namespace);
    item.extend([
        ("entity".into(), s("membership-check")),
        ("schema".into(), n(1)),
        ("asked_at".into(), n(now.0)),
        ("wake".into(), n(now.0)),
    ]);
    item
}

fn parse(item: &Item) -> Option<(UserId, Namespace)> {
    keys::parse_membership_check(item.find_text(keys::SK)?)
}
