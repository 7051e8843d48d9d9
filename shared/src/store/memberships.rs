//! Where people belong. A listing at the provider replaces what was known of a person there.
//!
//! Two listings may overtake each other: each has a ticket, drawn before the provider was asked. What is written names the
//! newest ticket in a condition, so that an older answer never undoes a newer one. Tickets are counted here, because the
//! clocks of two sandboxes may differ.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, ReturnValue, TransactWriteItem};

use super::audit::NewAuditEntry;
use super::client::Store;
use super::error::Failure;
use super::item::{Attributes, Item, n, s};
use super::keys;
use super::transaction::{delete, malformed, put};
use crate::domain::{Change, Error, InstallationId, Namespace, Permission, PermissionChange, Result, UserId, Vcs};

/// Memberships that one transaction changes: DynamoDB takes 100 items, one is the condition, and each comes with its
/// audit entry.
const CHUNK: usize = 49;

/// How often a chunk is written again when another listing was about to begin.
const ATTEMPTS: usize = 3;

/// One look at where a person belongs; later ones have higher numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MembershipTicket(u64);

/// How a replacement of memberships ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// They were these already.
    Unchanged,
    /// They are these now.
    Changed,
    /// Somebody asked the provider later and has begun to write; what they heard stays.
    Overtaken,
}

impl Store {
    /// Whether a person belongs to an installation.
    pub async fn is_member(&self, user: UserId, namespace: Namespace) -> Result<bool> {
        let item = self.get(&self.tables.identity, s(keys::user(user)), s(keys::membership(namespace))).await?;
        Ok(item.is_some())
    }

    /// Those of these installations that a person belongs to; one read of at most 100.
    pub async fn memberships_among(
        &self,
        user: UserId,
        vcs: Vcs,
        installations: &BTreeSet<InstallationId>,
    ) -> Result<BTreeSet<InstallationId>> {
        let of = |installation: &InstallationId| key(user, Namespace { vcs, installation: *installation });
        let rows = self.get_batch(&self.tables.identity, installations.iter().map(of).collect()).await?;
        let prefix = keys::memberships(vcs);
        let id = |item: &Item| {
            let id = item.text(keys::SK)?.strip_prefix(&prefix).and_then(InstallationId::parse);
            id.ok_or(Error::corrupt("a membership's place is malformed"))
        };
        rows.iter().map(id).collect()
    }

    /// Lets a person into an installation.
    pub async fn put_membership(&self, user: UserId, namespace: Namespace) -> Result<()> {
        let put = self.db.put_item().table_name(&self.tables.identity).set_item(Some(row(user, namespace)));
        put.send().await.map_err(Failure::of)?;
        Ok(())
    }

    /// The installations of a provider that a person belongs to.
    pub async fn list_memberships(&self, user: UserId, vcs: Vcs) -> Result<BTreeSet<InstallationId>> {
        let prefix = keys::memberships(vcs);
        let (mut found, mut from) = (BTreeSet::new(), None);
        loop {
            let query = self.db.query().table_name(&self.tables.identity).consistent_read(true);
            let query = query.key_condition_expression("pk = :pk AND begins_with(sk, :prefix)");
            let query = query.expression_attribute_values(":pk", s(keys::user(user)));
            let query = query.expression_attribute_values(":prefix", s(&prefix)).set_exclusive_start_key(from);
            let answer = query.send().await.map_err(Failure::of)?;
            for item in answer.items() {
                let id = item.text(keys::SK)?.strip_prefix(&prefix).and_then(InstallationId::parse);
                found.insert(id.ok_or(Error::corrupt("a membership's place is malformed"))?);
            }
            from = answer.last_evaluated_key;
            if from.is_none() {
                return Ok(found);
            }
        }
    }

    /// Begins a look at where a person belongs, before the provider is asked.
    pub async fn draw_membership_ticket(&self, user: UserId, vcs: Vcs) -> Result<MembershipTicket> {
        let update = self.db.update_item().table_name(&self.tables.identity).set_key(Some(list_key(user, vcs)));
        let update = update.update_expression("ADD drawn :one SET entity = :entity, #schema = :schema");
        let update = update.expression_attribute_names("#schema", "schema");
        let update = update.expression_attribute_values(":one", n(1));
        let update = update.expression_attribute_values(":entity", s("membership-list"));
        let update = update.expression_attribute_values(":schema", n(1));
        let answer = update.return_values(ReturnValue::UpdatedNew).send().await.map_err(Failure::of_update)?;
        answer.attributes.unwrap_or_default().number("drawn").map(MembershipTicket)
    }

    /// Makes these the installations of a provider that a person belongs to, and no others: first goes what was lost.
    /// Killed half-way it has taken away rather than given, and the next time does the rest.
    ///
    /// `ticket` was drawn before the provider was asked. `note` makes the audit entry of a change, which is written with it.
    pub async fn replace_memberships(
        &self,
        user: UserId,
        vcs: Vcs,
        wanted: &BTreeSet<InstallationId>,
        ticket: MembershipTicket,
        note: impl Fn(PermissionChange) -> Result<NewAuditEntry>,
    ) -> Result<Replaced> {
        if !self.claim_memberships(user, vcs, ticket).await? {
            return Ok(Replaced::Overtaken);
        }
        let known = self.list_memberships(user, vcs).await?;
        let table = &self.tables.identity;
        let of = |installation: &InstallationId| Namespace { vcs, installation: *installation };
        let lost = known.difference(wanted).map(|id| (of(id), Change::Revoked));
        let won = wanted.difference(&known).map(|id| (of(id), Change::Granted));
        let changes: Vec<_> = lost.chain(won).collect();
        for chunk in changes.chunks(CHUNK) {
            let mut items = vec![self.holds_ticket(user, vcs, ticket)?];
            for (namespace, change) in chunk.iter().copied() {
                items.push(match change {
                    Change::Revoked => delete(table, key(user, namespace))?,
                    Change::Granted => put(table, row(user, namespace))?,
                });
                let permission = Permission::Member(namespace);
                items.push(self.note(&note(PermissionChange { user, permission, change })?)?);
            }
            if !self.write_chunk(items).await? {
                return Ok(Replaced::Overtaken);
            }
        }
        Ok(if changes.is_empty() { Replaced::Unchanged } else { Replaced::Changed })
    }

    async fn write_chunk(&self, items: Vec<TransactWriteItem>) -> Result<bool> {
        let mut attempt = 1;
        loop {
            match self.transact(items.clone()).await {
                Err(Failure::Busy(_)) if attempt < ATTEMPTS => attempt += 1,
                Err(Failure::Condition(_)) => return Ok(false),
                Err(failure) => return Err(failure.into()),
                Ok(()) => return Ok(true),
            }
        }
    }

    /// Notes the ticket as the newest; `false` when it is not.
    async fn claim_memberships(&self, user: UserId, vcs: Vcs, ticket: MembershipTicket) -> Result<bool> {
        let update = self.db.update_item().table_name(&self.tables.identity).set_key(Some(list_key(user, vcs)));
        let update = update.update_expression("SET ticket = :ticket");
        let update = update.condition_expression("attribute_not_exists(ticket) OR ticket <= :ticket");
        let update = update.expression_attribute_values(":ticket", n(ticket.0));
        match update.send().await.map_err(Failure::of_update) {
            Err(Failure::Condition(_)) => Ok(false),
            Err(failure) => Err(failure.into()),
            Ok(_) => Ok(true),
        }
    }

    fn holds_ticket(&self, user: UserId, vcs: Vcs, ticket: MembershipTicket) -> Result<TransactWriteItem> {
        let check = ConditionCheck::builder().table_name(&self.tables.identity).set_key(Some(list_key(user, vcs)));
        let check = check.condition_expression("ticket = :ticket");
        let check = check.expression_attribute_values(":ticket", n(ticket.0)).build();
        Ok(TransactWriteItem::builder().condition_check(check.map_err(malformed)?).build())
    }
}

fn pair(pk: String, sk: String) -> [(String, AttributeValue); 2] {
    [(keys::PK.into(), s(pk)), (keys::SK.into(), s(sk))]
}

fn list_key(user: UserId, vcs: Vcs) -> Item {
    Item::from(pair(keys::user(user), keys::membership_list(vcs)))
}

pub(super) fn key(user: UserId, namespace: Namespace) -> Item {
    Item::from(pair(keys::user(user), keys::membership(namespace)))
}

pub(super) fn row(user: UserId, namespace: Namespace) -> Item {
    let mut item = key(user, namespace);
    item.extend([("entity".into(), s("membership")), ("schema".into(), n(1))]);
    item
}
