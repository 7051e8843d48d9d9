//! Which users are members of which installations, and when the provider last confirmed that. The list that a provider
//! returns for a person replaces the stored memberships. A check of one membership confirms or removes it and never
//! adds one.
//!
//! Two lists may overtake each other. Each has a fence, a number that is drawn before the provider is asked. Every
//! write of a list requires that its fence is the newest one, so an older list never overwrites a newer one. Fences are
//! counted in DynamoDB, because the clocks of two sandboxes may differ.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::{ReturnValue, TransactWriteItem};

use super::audit::NewAuditEntry;
use super::client::Store;
use super::error::{Failure, condition_held};
use super::item::{self, Attributes, Item, n, s};
use super::keys;
use super::query::Query;
use super::transaction::{delete_existing, delete_if, put, require};
use super::update::Update;
use crate::domain::{
    AuditChange, Error, InstallationId, Membership, MembershipMaxAge, Millis, Namespace, Permission, PermissionChange,
    Result, UserId, Vcs,
};

/// How many memberships one transaction changes. DynamoDB accepts 100 items: one is the condition, and each change has
/// an audit entry.
const CHANGES_PER_TRANSACTION: usize = 49;

/// How many memberships one transaction confirms: one item each, and one for the condition.
const CONFIRMATIONS_PER_TRANSACTION: usize = 99;

/// How many times a transaction that conflicts with another list is tried.
const ATTEMPTS: usize = 3;

/// The number of one question to the provider about a person's memberships. Later questions have higher numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MembershipFence(u64);

/// What a provider answered about a person's memberships.
#[derive(Clone, Copy, Debug)]
pub struct ProviderAnswer<'a> {
    /// The installations that it listed.
    pub listed: &'a BTreeSet<InstallationId>,
    /// The fence that was drawn before the provider was asked.
    pub fence: MembershipFence,
    pub asked_at: Millis,
    /// The maximum age of a membership. A confirmation is only written if the last one is older than a small part of
    /// this.
    pub max_age: MembershipMaxAge,
}

/// How a replacement of memberships ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// No membership was added or removed.
    Unchanged,
    /// Memberships were added or removed.
    Changed,
    /// A newer answer of the provider is written, or an administrator has just removed a membership. This answer
    /// was not written, or not completely.
    Overtaken,
}

impl Store {
    /// A user's membership in an installation. Strongly consistent. The caller decides whether it is recent enough.
    pub async fn find_membership(&self, user: UserId, namespace: Namespace) -> Result<Option<Membership>> {
        let item = self.get(&self.tables.identity, s(keys::user(user)), s(keys::membership(namespace))).await?;
        Ok(item.map(|item| decode(&item)))
    }

    /// The installations among these of which a user is a member. Costs one batch read of at most 100 keys.
    pub async fn memberships_among(
        &self,
        user: UserId,
        vcs: Vcs,
        installations: &BTreeSet<InstallationId>,
    ) -> Result<BTreeMap<InstallationId, Membership>> {
        let of = |installation: &InstallationId| key(user, Namespace { vcs, installation: *installation });
        let keys = installations.iter().map(of).collect();
        let rows = self.get_batch(&self.tables.identity, keys, None).await?;
        let prefix = keys::memberships(vcs);
        rows.iter().map(|item| decode_of_user(&prefix, item)).collect()
    }

    /// Makes a user a member of an installation, as confirmed at `checked_at`.
    pub async fn put_membership(&self, user: UserId, namespace: Namespace, checked_at: Millis) -> Result<()> {
        self.put(&self.tables.identity, row_of_person(user, namespace, checked_at)).await
    }

    /// The installations of a provider of which a user is a member.
    pub async fn list_memberships(&self, user: UserId, vcs: Vcs) -> Result<BTreeSet<InstallationId>> {
        Ok(self.read_memberships(user, vcs).await?.into_keys().collect())
    }

    async fn read_memberships(&self, user: UserId, vcs: Vcs) -> Result<BTreeMap<InstallationId, Membership>> {
        let prefix = keys::memberships(vcs);
        let values = [(":pk", s(keys::user(user))), (":prefix", s(&prefix))];
        let query = Query::new(&self.tables.identity, "pk = :pk AND begins_with(sk, :prefix)", values);
        query.all(self).await?.iter().map(|item| decode_of_user(&prefix, item)).collect()
    }

    /// A page of the members of an installation in the order of their ids, and the user after whom the next page
    /// begins. It is read from an index, where a change appears within about a second.
    pub async fn list_members(
        &self,
        namespace: Namespace,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<(Vec<(UserId, Membership)>, Option<UserId>)> {
        // Sorts before the partition of every user.
        let after = after.map_or_else(|| "user#".to_owned(), keys::user);
        let values = [(":namespace", s(keys::members_of(namespace))), (":after", s(after))];
        let query = Query::new(&self.tables.identity, "by_installation = :namespace AND pk > :after", values);
        let page = query.index(keys::BY_INSTALLATION).limit(limit).page(self).await?;
        let member = |item: &Item| {
            let user = keys::parse_user(item.text(keys::PK)?)
                .ok_or(Error::corrupt_item("a membership's partition key names no user"))?;
            Ok((user, decode(item)))
        };
        let found = page.items.iter().map(member).collect::<Result<Vec<_>>>()?;
        let next = found.last().filter(|_| page.next.is_some()).map(|(user, _)| *user);
        Ok((found, next))
    }

    /// Removes a membership together with its audit entry. `false` if there was none.
    pub async fn remove_membership(
        &self,
        user: UserId,
        namespace: Namespace,
        audit_entry: &NewAuditEntry,
    ) -> Result<bool> {
        let removal = delete_existing(&self.tables.identity, key(user, namespace))?;
        self.transact_checked(vec![removal, self.audit_write(audit_entry)?]).await
    }

    /// As [`Self::remove_membership`], if the membership has not been confirmed since it was read as `read`.
    pub async fn remove_unconfirmed_membership(
        &self,
        user: UserId,
        namespace: Namespace,
        read: Membership,
        audit_entry: &NewAuditEntry,
    ) -> Result<bool> {
        let (table, key) = (&self.tables.identity, key(user, namespace));
        let removal = match read.checked_at {
            None => delete_if(table, key, "attribute_exists(pk) AND attribute_not_exists(checked_at)"),
            Some(at) => delete_if(table, key, ("checked_at = :read", [(":read", n(at.0))])),
        };
        self.transact_checked(vec![removal?, self.audit_write(audit_entry)?]).await
    }

    /// Records that the provider confirmed a membership at `checked_at`. A membership that was removed meanwhile stays
    /// removed, and a later confirmation stays.
    pub async fn confirm_membership(&self, user: UserId, namespace: Namespace, checked_at: Millis) -> Result<()> {
        let confirmation = self.confirmation(user, namespace, checked_at)?;
        condition_held(self.transact(vec![confirmation]).await).map(drop)
    }

    fn confirmation(&self, user: UserId, namespace: Namespace, checked_at: Millis) -> Result<TransactWriteItem> {
        let set = "SET checked_at = :at, by_installation = :namespace";
        Update::new(&self.tables.identity, key(user, namespace), set)
            // A later answer stays.
            .condition("attribute_exists(pk) AND (attribute_not_exists(checked_at) OR checked_at <= :at)")
            .values([(":at", n(checked_at.0)), (":namespace", s(keys::members_of(namespace)))])
            .in_transaction()
    }

    /// Draws the fence of a question about a person's memberships. Call this before the provider is asked.
    pub async fn draw_membership_fence(&self, user: UserId, vcs: Vcs) -> Result<MembershipFence> {
        let add = "ADD drawn :one SET entity = :entity, #schema = :schema";
        let update = Update::new(&self.tables.identity, list_key(user, vcs), add)
            .values([(":one", n(1)), (":entity", s("membership-list")), (":schema", n(1))])
            .returning(ReturnValue::UpdatedNew);
        update.send(self).await?.number("drawn").map(MembershipFence)
    }

    /// Adds the memberships that the provider listed for a person, and removes the others.
    ///
    /// `audit_entry` makes the audit entry of a change, which is written with it.
    pub async fn replace_memberships(
        &self,
        user: UserId,
        vcs: Vcs,
        answer: ProviderAnswer<'_>,
        audit_entry: impl Fn(PermissionChange) -> Result<NewAuditEntry>,
    ) -> Result<Replaced> {
        self.settle_memberships(user, vcs, answer, answer.listed, audit_entry).await
    }

    /// Removes the memberships of a person that the provider did not list, and confirms the others.
    pub async fn retain_memberships(
        &self,
        user: UserId,
        vcs: Vcs,
        answer: ProviderAnswer<'_>,
        audit_entry: impl Fn(PermissionChange) -> Result<NewAuditEntry>,
    ) -> Result<Replaced> {
        self.settle_memberships(user, vcs, answer, &BTreeSet::new(), audit_entry).await
    }

    /// Removes the lost memberships, then adds those of `granted` that are new, then confirms the rest. An interruption
    /// therefore leaves too few memberships rather than too many, and the next call completes it.
    async fn settle_memberships(
        &self,
        user: UserId,
        vcs: Vcs,
        answer: ProviderAnswer<'_>,
        granted: &BTreeSet<InstallationId>,
        audit_entry: impl Fn(PermissionChange) -> Result<NewAuditEntry>,
    ) -> Result<Replaced> {
        let ProviderAnswer { listed, fence, asked_at, max_age } = answer;
        if !self.store_fence(user, vcs, fence).await? {
            return Ok(Replaced::Overtaken);
        }
        let known = self.read_memberships(user, vcs).await?;
        let table = &self.tables.identity;
        let of = |installation: &InstallationId| Namespace { vcs, installation: *installation };
        let lost = known.keys().filter(|id| !listed.contains(*id)).map(|id| (of(id), AuditChange::Revoked));
        let gained = granted.iter().filter(|id| !known.contains_key(*id)).map(|id| (of(id), AuditChange::Granted));
        let changes: Vec<_> = lost.chain(gained).collect();
        for chunk in changes.chunks(CHANGES_PER_TRANSACTION) {
            let mut items = vec![self.require_fence(user, vcs, fence)?];
            for (namespace, change) in chunk.iter().copied() {
                items.push(match change {
                    AuditChange::Revoked => self.denial(user, namespace, asked_at)?,
                    AuditChange::Granted => put(table, row_of_person(user, namespace, asked_at))?,
                });
                let permission = Permission::Member(namespace);
                items.push(self.audit_write(&audit_entry(PermissionChange { user, permission, change })?)?);
            }
            if !self.transact_checked(items).await? {
                return Ok(Replaced::Overtaken);
            }
        }
        let outdated = known
            .iter()
            .filter(|(id, membership)| listed.contains(*id) && membership.confirmation_outdated(asked_at, max_age));
        let outdated: Vec<_> = outdated.map(|(id, _)| of(id)).collect();
        for chunk in outdated.chunks(CONFIRMATIONS_PER_TRANSACTION) {
            let confirmed = chunk.iter().map(|namespace| self.confirmation(user, *namespace, asked_at));
            let items =
                [self.require_fence(user, vcs, fence)].into_iter().chain(confirmed).collect::<Result<Vec<_>>>()?;
            if !self.transact_checked(items).await? {
                return Ok(Replaced::Overtaken);
            }
        }
        Ok(if changes.is_empty() { Replaced::Unchanged } else { Replaced::Changed })
    }

    /// Takes away a membership that was not confirmed after the provider was asked at `asked_at`.
    fn denial(&self, user: UserId, namespace: Namespace, asked_at: Millis) -> Result<TransactWriteItem> {
        let unconfirmed = "attribute_exists(pk) AND (attribute_not_exists(checked_at) OR checked_at <= :asked)";
        delete_if(&self.tables.identity, key(user, namespace), (unconfirmed, [(":asked", n(asked_at.0))]))
    }

    async fn transact_checked(&self, items: Vec<TransactWriteItem>) -> Result<bool> {
        let mut attempt = 1;
        loop {
            match self.transact(items.clone()).await {
                Err(Failure::Busy(_)) if attempt < ATTEMPTS => attempt += 1,
                outcome => return condition_held(outcome),
            }
        }
    }

    /// Stores the fence if it is the newest one; `false` if a newer one is stored.
    async fn store_fence(&self, user: UserId, vcs: Vcs, fence: MembershipFence) -> Result<bool> {
        Update::new(&self.tables.identity, list_key(user, vcs), "SET ticket = :ticket")
            .condition("attribute_not_exists(ticket) OR ticket <= :ticket")
            .values([(":ticket", n(fence.0))])
            .applied(self)
            .await
    }

    fn require_fence(&self, user: UserId, vcs: Vcs, fence: MembershipFence) -> Result<TransactWriteItem> {
        require(&self.tables.identity, list_key(user, vcs), ("ticket = :ticket", [(":ticket", n(fence.0))]))
    }
}

fn list_key(user: UserId, vcs: Vcs) -> Item {
    item::key(keys::user(user), keys::membership_list(vcs))
}

pub(super) fn key(user: UserId, namespace: Namespace) -> Item {
    item::key(keys::user(user), keys::membership(namespace))
}

/// The row of a service user.
pub(super) fn row(user: UserId, namespace: Namespace) -> Item {
    item::entity(key(user, namespace), "membership", [])
}

fn row_of_person(user: UserId, namespace: Namespace, checked_at: Millis) -> Item {
    let mut item = row(user, namespace);
    item.insert("checked_at".into(), n(checked_at.0));
    item.insert(keys::BY_INSTALLATION.into(), s(keys::members_of(namespace)));
    item
}

/// An installation and the membership in it. `prefix` is the beginning of the sort keys of a user's memberships at one
/// provider.
fn decode_of_user(prefix: &str, item: &Item) -> Result<(InstallationId, Membership)> {
    let id = item.text(keys::SK)?.strip_prefix(prefix).and_then(InstallationId::parse);
    Ok((id.ok_or(Error::corrupt_item("a membership's sort key is malformed"))?, decode(item)))
}

fn decode(item: &Item) -> Membership {
    Membership { checked_at: item.find_number("checked_at").map(Millis) }
}
