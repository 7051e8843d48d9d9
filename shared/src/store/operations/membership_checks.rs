//! Membership checks for the worker: at most one for each membership at a time.
//!
//! Requesting a check creates its row, and the table's stream delivers that to the worker. The row is deleted when the
//! provider has given a definite answer. Until then it stores since when the membership is in doubt, which every use of
//! the membership reads. A check without a definite answer waits until its next time, and the worker's timer wakes it.

use std::pin::pin;

use aws_sdk_dynamodb::types::ReturnValue;
use futures::future::try_join_all;
use futures::stream::TryStreamExt as _;
use uuid::Uuid;

use super::super::client::Store;
use super::super::error::Failure;
use super::super::item::{Attributes, Item, b, n, s};
use super::super::keys;
use super::super::update::Update;
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
        let checked_at = n(membership.checked_at.map_or(0, |at| at.0));
        let condition = ("attribute_not_exists(pk) OR asked_at <= :checked_at", [(":checked_at", checked_at)]);
        match self.put_if(&self.tables.operations, row(user, namespace, now), condition).await {
            Ok(()) => Ok(now),
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
        let update = "SET holder = :holder, lease_until = :until REMOVE wake, not_before";
        let update = Update::new(&self.tables.operations, key(user, namespace), update).condition(
            "attribute_exists(pk) AND (holder = :holder OR attribute_not_exists(lease_until) OR lease_until <= :now) \
             AND (attribute_not_exists(not_before) OR not_before <= :now)",
        );
        let update =
            update.values([(":holder", b(holder.into_bytes())), (":until", n(now.0 + LEASE_MS)), (":now", n(now.0))]);
        let there = match update.returning(ReturnValue::AllNew).send(self).await {
            Ok(there) => there,
            Err(Failure::Condition(_)) => return Ok(None),
            Err(failure) => return Err(failure.into()),
        };
        let asked_at = there.number("asked_at").map(Millis)?;
        let attempts = there.find_number("attempts").unwrap_or(0);
        Ok(Some(MembershipCheck { user, namespace, asked_at, attempts, holder }))
    }

    /// Deletes a check, unless another worker has taken it since.
    pub async fn finish_membership_check(&self, check: &MembershipCheck) -> Result<()> {
        let held = ("holder = :holder", [(":holder", b(check.holder.into_bytes()))]);
        self.delete_if(&self.tables.operations, key(check.user, check.namespace), held).await.map(drop)
    }

    /// Releases a check without an answer. It is not taken again before `until`.
    pub async fn put_off_membership_check(&self, check: &MembershipCheck, until: Millis) -> Result<()> {
        let update = "SET not_before = :until, attempts = :attempts REMOVE holder, lease_until";
        let update = Update::new(&self.tables.operations, key(check.user, check.namespace), update);
        let update = update.values([(":until", n(until.0)), (":attempts", n(check.attempts.saturating_add(1)))]);
        // If another worker has taken the check, that worker decides when it is taken again.
        self.update_if_held(update, check.holder).await.map(drop)
    }

    /// Wakes the checks that no worker holds and whose time has come. Returns how many it woke.
    pub async fn wake_membership_checks(&self, now: Millis) -> Result<usize> {
        let shards = (0..keys::MEMBERSHIP_CHECK_SHARDS).map(|shard| self.wake_shard(shard, now));
        Ok(try_join_all(shards).await?.into_iter().sum())
    }

    async fn wake_shard(&self, shard: u8, now: Millis) -> Result<usize> {
        let (mut woken, mut pages) = (0, pin!(self.items_of(&keys::membership_checks(shard))));
        while let Some(page) = pages.try_next().await? {
            for item in page {
                let (user, namespace) =
                    parse(&item).ok_or(Error::corrupt_item("a membership check's sort key is malformed"))?;
                let exists = ("attribute_exists(pk)", None);
                woken += usize::from(self.wake(&item, key(user, namespace), exists, now).await?);
            }
        }
        Ok(woken)
    }
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
