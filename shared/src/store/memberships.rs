//! Who is a member of which installation, and when the provider last said so. A person's list at the provider replaces what
//! was known of them there; a check confirms or removes what is known, and adds nothing.
//!
//! Two listings may overtake each other: each has a fence, drawn before the provider was asked. What is written names the
//! newest fence in a condition, so that an older answer never undoes a newer one. Fences are counted here, because the
//! clocks of two sandboxes may differ.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, ReturnValue, TransactWriteItem, Update};

use super::audit::NewAuditEntry;
use super::client::Store;
use super::error::Failure;
use super::item::{Attributes, Item, n, s};
use super::keys;
use super::transaction::{malformed, put};
use crate::domain::{
    AuditChange, Error, InstallationId, Membership, MembershipMaxAge, Millis, Namespace, Permission, PermissionChange,
    Result, UserId, Vcs,
};

/// Memberships that one transaction changes: DynamoDB takes 100 items, one is the condition, and each comes with its
/// audit entry.
const CHUNK: usize = 49;

/// Confirmations in one transaction: each is one item, and one item is the condition.
const CONFIRMED_CHUNK: usize = 99;

/// How often a chunk is written again when another listing was about to begin.
const ATTEMPTS: usize = 3;

/// One look at where a person belongs; later ones have higher numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MembershipFence(u64);

/// What a provider said about a person, and when it was asked.
#[derive(Clone, Copy, Debug)]
pub struct ProviderAnswer<'a> {
    /// The installations that it lists.
    pub listed: &'a BTreeSet<InstallationId>,
    /// What it says by not listing an installation.
    pub unlisted: Unlisted<'a>,
    /// Drawn before it was asked.
    pub fence: MembershipFence,
    /// When it was asked.
    pub asked_at: Millis,
    /// How old a membership may become: a confirmation is written when the last one is a small part of this old.
    pub max_age: MembershipMaxAge,
}

/// What a provider says about a person's membership in an installation that it does not list.
#[derive(Clone, Copy, Debug)]
pub enum Unlisted<'a> {
    /// The person is no member.
    Denied,
    /// The person is no member if the App is still installed there. If it was removed, nobody's membership is known any
    /// longer, and it stays. By installation, as far as the provider was asked.
    DeniedWhereInstalled(&'a BTreeMap<InstallationId, bool>),
}

/// How a replacement of memberships ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// No membership was added or taken away.
    Unchanged,
    /// Memberships were added or taken away.
    Changed,
    /// A later answer of the provider is written, or an administrator has just taken a membership away. What this
    /// answer said was not written, or not all of it.
    Overtaken,
    /// Nothing was written: whether the App is installed in these must be known first.
    Undecided(BTreeSet<InstallationId>),
}

impl ProviderAnswer<'_> {
    /// Whether it takes away the membership in an installation that it does not list; `None` when that is not known yet.
    fn denies(&self, unlisted: InstallationId) -> Option<bool> {
        match self.unlisted {
            Unlisted::Denied => Some(true),
            Unlisted::DeniedWhereInstalled(installed) => installed.get(&unlisted).copied(),
        }
    }
}

impl Store {
    /// A person's membership in an installation; strongly consistent. Whether it is still good is for the caller to judge.
    pub async fn find_membership(&self, user: UserId, namespace: Namespace) -> Result<Option<Membership>> {
        let item = self.get(&self.tables.identity, s(keys::user(user)), s(keys::membership(namespace))).await?;
        Ok(item.map(|item| decode(&item)))
    }

    /// Those of these installations that a person is a member of; one read of at most 100.
    pub async fn memberships_among(
        &self,
        user: UserId,
        vcs: Vcs,
        installations: &BTreeSet<InstallationId>,
    ) -> Result<BTreeMap<InstallationId, Membership>> {
        let of = |installation: &InstallationId| key(user, Namespace { vcs, installation: *installation });
        let rows = self.get_batch(&self.tables.identity, installations.iter().map(of).collect()).await?;
        let prefix = keys::memberships(vcs);
        rows.iter().map(|item| decode_of_user(&prefix, item)).collect()
    }

    /// Makes a person a member of an installation, as of `checked_at`.
    pub async fn put_membership(&self, user: UserId, namespace: Namespace, checked_at: Millis) -> Result<()> {
        let row = row_of_person(user, namespace, checked_at);
        self.db.put_item().table_name(&self.tables.identity).set_item(Some(row)).send().await.map_err(Failure::of)?;
        Ok(())
    }

    /// The installations of a provider that a person is a member of.
    pub async fn list_memberships(&self, user: UserId, vcs: Vcs) -> Result<BTreeSet<InstallationId>> {
        Ok(self.read_memberships(user, vcs).await?.into_keys().collect())
    }

    async fn read_memberships(&self, user: UserId, vcs: Vcs) -> Result<BTreeMap<InstallationId, Membership>> {
        let prefix = keys::memberships(vcs);
        let (mut found, mut from) = (BTreeMap::new(), None);
        loop {
            let query = self.db.query().table_name(&self.tables.identity).consistent_read(true);
            let query = query.key_condition_expression("pk = :pk AND begins_with(sk, :prefix)");
            let query = query.expression_attribute_values(":pk", s(keys::user(user)));
            let query = query.expression_attribute_values(":prefix", s(&prefix)).set_exclusive_start_key(from);
            let answer = query.send().await.map_err(Failure::of)?;
            for item in answer.items() {
                found.extend([decode_of_user(&prefix, item)?]);
            }
            from = answer.last_evaluated_key;
            if from.is_none() {
                return Ok(found);
            }
        }
    }

    /// A page of the people who are members of an installation, by user id, and the user behind whom the next page begins. It
    /// is read from an index: a change shows within a second or so.
    pub async fn list_members(
        &self,
        namespace: Namespace,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<(Vec<(UserId, Membership)>, Option<UserId>)> {
        // Every user's partition sorts behind this.
        let after = after.map_or_else(|| "user#".to_owned(), keys::user);
        let query = self.db.query().table_name(&self.tables.identity).index_name(keys::BY_INSTALLATION);
        let query = query.key_condition_expression("by_installation = :place AND pk > :after");
        let query = query.expression_attribute_values(":place", s(keys::members_of(namespace)));
        let query = query.expression_attribute_values(":after", s(after));
        let answer = query.limit(i32::try_from(limit).unwrap_or(i32::MAX)).send().await.map_err(Failure::of)?;
        let more = answer.last_evaluated_key.is_some();
        let member = |item: &Item| {
            let user = keys::parse_user(item.text(keys::PK)?).ok_or(Error::corrupt_item("a membership of nobody"))?;
            Ok((user, decode(item)))
        };
        let found = answer.items.unwrap_or_default().iter().map(member).collect::<Result<Vec<_>>>()?;
        let next = found.last().filter(|_| more).map(|(user, _)| *user);
        Ok((found, next))
    }

    /// Takes a membership away together with its audit entry. `false` when there was none.
    pub async fn remove_membership(&self, user: UserId, namespace: Namespace, note: &NewAuditEntry) -> Result<bool> {
        let gone = Delete::builder().table_name(&self.tables.identity).set_key(Some(key(user, namespace)));
        let gone = gone.condition_expression("attribute_exists(pk)").build().map_err(malformed)?;
        self.write_chunk(vec![TransactWriteItem::builder().delete(gone).build(), self.note(note)?]).await
    }

    /// The same, if the membership has not been confirmed since it was read as `seen`.
    pub async fn remove_unconfirmed_membership(
        &self,
        user: UserId,
        namespace: Namespace,
        seen: Membership,
        note: &NewAuditEntry,
    ) -> Result<bool> {
        let gone = Delete::builder().table_name(&self.tables.identity).set_key(Some(key(user, namespace)));
        let gone = match seen.checked_at {
            None => gone.condition_expression("attribute_exists(pk) AND attribute_not_exists(checked_at)"),
            Some(at) => gone.condition_expression("checked_at = :seen").expression_attribute_values(":seen", n(at.0)),
        };
        let gone = TransactWriteItem::builder().delete(gone.build().map_err(malformed)?).build();
        self.write_chunk(vec![gone, self.note(note)?]).await
    }

    /// Notes that the provider was asked at `checked_at` and confirmed a membership. One that is gone stays gone, and a later
    /// confirmation stays.
    pub async fn confirm_membership(&self, user: UserId, namespace: Namespace, checked_at: Millis) -> Result<()> {
        match self.transact(vec![self.confirmation(user, namespace, checked_at)?]).await {
            Ok(()) | Err(Failure::Condition(_)) => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }

    fn confirmation(&self, user: UserId, namespace: Namespace, checked_at: Millis) -> Result<TransactWriteItem> {
        let update = Update::builder().table_name(&self.tables.identity).set_key(Some(key(user, namespace)));
        let update = update.update_expression("SET checked_at = :at, by_installation = :place");
        // A later answer stays.
        let update = update
            .condition_expression("attribute_exists(pk) AND (attribute_not_exists(checked_at) OR checked_at <= :at)");
        let update = update.expression_attribute_values(":at", n(checked_at.0));
        let update = update.expression_attribute_values(":place", s(keys::members_of(namespace)));
        let update = update.build().map_err(malformed)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Begins a look at where a person belongs, before the provider is asked.
    pub async fn draw_membership_fence(&self, user: UserId, vcs: Vcs) -> Result<MembershipFence> {
        let update = self.db.update_item().table_name(&self.tables.identity).set_key(Some(list_key(user, vcs)));
        let update = update.update_expression("ADD drawn :one SET entity = :entity, #schema = :schema");
        let update = update.expression_attribute_names("#schema", "schema");
        let update = update.expression_attribute_values(":one", n(1));
        let update = update.expression_attribute_values(":entity", s("membership-list"));
        let update = update.expression_attribute_values(":schema", n(1));
        let answer = update.return_values(ReturnValue::UpdatedNew).send().await.map_err(Failure::of_update)?;
        answer.attributes.unwrap_or_default().number("drawn").map(MembershipFence)
    }

    /// Makes what the provider listed the memberships of a person there, and takes away those that it denies.
    ///
    /// `note` makes the audit entry of a change, which is written with it.
    pub async fn replace_memberships(
        &self,
        user: UserId,
        vcs: Vcs,
        answer: ProviderAnswer<'_>,
        note: impl Fn(PermissionChange) -> Result<NewAuditEntry>,
    ) -> Result<Replaced> {
        self.settle_memberships(user, vcs, answer, answer.listed, note).await
    }

    /// Takes away the memberships of a person that the provider denies, and confirms the others.
    pub async fn retain_memberships(
        &self,
        user: UserId,
        vcs: Vcs,
        answer: ProviderAnswer<'_>,
        note: impl Fn(PermissionChange) -> Result<NewAuditEntry>,
    ) -> Result<Replaced> {
        self.settle_memberships(user, vcs, answer, &BTreeSet::new(), note).await
    }

    /// First goes what was lost, then comes what is `granted` anew, then the rest is confirmed. Killed half-way it has taken
    /// away rather than given, and the next time does the rest.
    async fn settle_memberships(
        &self,
        user: UserId,
        vcs: Vcs,
        answer: ProviderAnswer<'_>,
        granted: &BTreeSet<InstallationId>,
        note: impl Fn(PermissionChange) -> Result<NewAuditEntry>,
    ) -> Result<Replaced> {
        let ProviderAnswer { listed, fence, asked_at, max_age, .. } = answer;
        if !self.claim_memberships(user, vcs, fence).await? {
            return Ok(Replaced::Overtaken);
        }
        let known = self.read_memberships(user, vcs).await?;
        let table = &self.tables.identity;
        let of = |installation: &InstallationId| Namespace { vcs, installation: *installation };
        let unlisted = known.keys().filter(|id| !listed.contains(*id));
        let undecided: BTreeSet<_> = unlisted.filter(|id| answer.denies(**id).is_none()).copied().collect();
        if !undecided.is_empty() {
            return Ok(Replaced::Undecided(undecided));
        }
        let denied = |id: &InstallationId| !listed.contains(id) && answer.denies(*id) == Some(true);
        let lost = known.keys().filter(|id| denied(id)).map(|id| (of(id), AuditChange::Revoked));
        let won = granted.iter().filter(|id| !known.contains_key(*id)).map(|id| (of(id), AuditChange::Granted));
        let changes: Vec<_> = lost.chain(won).collect();
        for chunk in changes.chunks(CHUNK) {
            let mut items = vec![self.holds_fence(user, vcs, fence)?];
            for (namespace, change) in chunk.iter().copied() {
                items.push(match change {
                    AuditChange::Revoked => self.denial(user, namespace, asked_at)?,
                    AuditChange::Granted => put(table, row_of_person(user, namespace, asked_at))?,
                });
                let permission = Permission::Member(namespace);
                items.push(self.note(&note(PermissionChange { user, permission, change })?)?);
            }
            if !self.write_chunk(items).await? {
                return Ok(Replaced::Overtaken);
            }
        }
        let outdated =
            known.iter().filter(|(id, membership)| !denied(id) && membership.confirmation_outdated(asked_at, max_age));
        let outdated: Vec<_> = outdated.map(|(id, _)| of(id)).collect();
        for chunk in outdated.chunks(CONFIRMED_CHUNK) {
            let confirmed = chunk.iter().map(|namespace| self.confirmation(user, *namespace, asked_at));
            let items =
                [self.holds_fence(user, vcs, fence)].into_iter().chain(confirmed).collect::<Result<Vec<_>>>()?;
            if !self.write_chunk(items).await? {
                return Ok(Replaced::Overtaken);
            }
        }
        Ok(if changes.is_empty() { Replaced::Unchanged } else { Replaced::Changed })
    }

    /// Takes away a membership that was not confirmed after the provider was asked at `asked_at`.
    fn denial(&self, user: UserId, namespace: Namespace, asked_at: Millis) -> Result<TransactWriteItem> {
        let gone = Delete::builder().table_name(&self.tables.identity).set_key(Some(key(user, namespace)));
        let gone = gone.condition_expression(
            "attribute_exists(pk) AND (attribute_not_exists(checked_at) OR checked_at <= :asked)",
        );
        let gone = gone.expression_attribute_values(":asked", n(asked_at.0)).build().map_err(malformed)?;
        Ok(TransactWriteItem::builder().delete(gone).build())
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

    /// Notes the fence as the newest; `false` when it is not.
    async fn claim_memberships(&self, user: UserId, vcs: Vcs, fence: MembershipFence) -> Result<bool> {
        let update = self.db.update_item().table_name(&self.tables.identity).set_key(Some(list_key(user, vcs)));
        let update = update.update_expression("SET ticket = :ticket");
        let update = update.condition_expression("attribute_not_exists(ticket) OR ticket <= :ticket");
        let update = update.expression_attribute_values(":ticket", n(fence.0));
        match update.send().await.map_err(Failure::of_update) {
            Err(Failure::Condition(_)) => Ok(false),
            Err(failure) => Err(failure.into()),
            Ok(_) => Ok(true),
        }
    }

    fn holds_fence(&self, user: UserId, vcs: Vcs, fence: MembershipFence) -> Result<TransactWriteItem> {
        let check = ConditionCheck::builder().table_name(&self.tables.identity).set_key(Some(list_key(user, vcs)));
        let check = check.condition_expression("ticket = :ticket");
        let check = check.expression_attribute_values(":ticket", n(fence.0)).build();
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

/// The row of a team's own user.
pub(super) fn row(user: UserId, namespace: Namespace) -> Item {
    let mut item = key(user, namespace);
    item.extend([("entity".into(), s("membership")), ("schema".into(), n(1))]);
    item
}

fn row_of_person(user: UserId, namespace: Namespace, checked_at: Millis) -> Item {
    let mut item = row(user, namespace);
    item.insert("checked_at".into(), n(checked_at.0));
    item.insert(keys::BY_INSTALLATION.into(), s(keys::members_of(namespace)));
    item
}

/// A membership and its installation. `prefix` begins the sort keys of a user's memberships at one provider.
fn decode_of_user(prefix: &str, item: &Item) -> Result<(InstallationId, Membership)> {
    let id = item.text(keys::SK)?.strip_prefix(prefix).and_then(InstallationId::parse);
    Ok((id.ok_or(Error::corrupt_item("a membership's sort key is malformed"))?, decode(item)))
}

fn decode(item: &Item) -> Membership {
    Membership { checked_at: item.find_number("checked_at").map(Millis) }
}
