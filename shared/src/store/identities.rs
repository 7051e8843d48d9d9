//! Identities at providers. The provider's number of a person leads to the user. The user's partition holds the profile
//! from the last sign-in and the sealed tokens of the provider.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::TransactWriteItem;
use uuid::Uuid;

use super::audit::NewAuditEntry;
use super::client::Store;
use super::error::{Failure, condition_held};
use super::item::{self, Attributes, Item, b, json, n, s};
use super::keys;
use super::transaction::{delete_existing, put, put_if, put_new, require};
use super::update::Update;
use super::users::{administrator_key, administrator_row};
use crate::domain::{Error, Identity, Profile, Result, Seconds, UserId, Vcs};

/// A provider's tokens for acting on behalf of a person, encrypted. `id` changes with every renewal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedTokens {
    pub id: Uuid,
    /// Encrypted with [`Store::binding`] as associated data.
    pub bytes: Vec<u8>,
}

/// How many times a sign-in is sent again when it conflicts with another write of the same rows.
const ATTEMPTS: usize = 3;

impl Store {
    /// The associated data under which an identity's tokens are sealed.
    pub fn binding(vcs: Vcs, provider_id: u64) -> String {
        keys::identity(vcs, provider_id)
    }

    /// The user of a person at a provider, if that person has signed in before.
    pub async fn find_user_of_identity(&self, vcs: Vcs, provider_id: u64) -> Result<Option<UserId>> {
        let key = keys::identity(vcs, provider_id);
        let item = self.get(&self.tables.identity, s(key), s(keys::IDENTITY)).await?;
        item.map(|item| item.parsed("user")).transpose()
    }

    pub async fn find_identity(&self, user: UserId, vcs: Vcs) -> Result<Option<Identity>> {
        let found = self.find_identity_row(user, vcs).await?;
        found.map(|item| decode(user, vcs, &item)).transpose()
    }

    /// The identities of up to 100 users at a provider. Users who never signed in there are left out.
    pub async fn find_identities(&self, users: &[UserId], vcs: Vcs) -> Result<HashMap<UserId, Identity>> {
        let keys = users.iter().map(|user| row_key(*user, vcs)).collect();
        let read = |item: &Item| {
            let user = keys::parse_user(item.text(keys::PK)?)
                .ok_or(Error::corrupt_item("an identity's partition key names no user"))?;
            Ok((user, decode(user, vcs, item)?))
        };
        self.get_batch(&self.tables.identity, keys, None).await?.iter().map(read).collect()
    }

    /// A user's identity and its tokens. The tokens are absent if the provider has rejected them.
    pub async fn find_tokens(&self, user: UserId, vcs: Vcs) -> Result<Option<(Identity, Option<SealedTokens>)>> {
        let Some(item) = self.find_identity_row(user, vcs).await? else { return Ok(None) };
        let tokens = item.find_bytes("tokens").map(<[u8]>::to_vec);
        let tokens = tokens.map(|bytes| Ok::<_, Error>(SealedTokens { id: item.uuid("tokens_id")?, bytes }));
        Ok(Some((decode(user, vcs, &item)?, tokens.transpose()?)))
    }

    async fn find_identity_row(&self, user: UserId, vcs: Vcs) -> Result<Option<Item>> {
        self.get(&self.tables.identity, s(keys::user(user)), s(keys::identity_of_user(vcs))).await
    }

    /// Writes the result of a sign-in in one transaction: the user if they are new, the identity with its tokens, and a
    /// change of the administrator role with its audit entry. Without that entry, the current role must equal
    /// `administrator`. Returns `false` if another request was faster, so that this person at the provider belongs to
    /// another user, or the role has changed.
    pub async fn put_identity(
        &self,
        identity: &Identity,
        tokens: Option<&SealedTokens>,
        administrator: bool,
        audit_entry: Option<&NewAuditEntry>,
    ) -> Result<bool> {
        let mut items = vec![
            self.pointer(identity)?,
            self.signed_in_user(identity)?,
            self.role(identity.user, administrator, audit_entry.is_some())?,
            self.identity_row(identity, tokens)?,
            self.login_row(identity)?,
        ];
        items.extend(audit_entry.map(|audit_entry| self.audit_write(audit_entry)).transpose()?);
        let mut attempt = 1;
        loop {
            match self.transact(items.clone()).await {
                Err(Failure::Busy(_)) if attempt < ATTEMPTS => attempt += 1,
                outcome => return condition_held(outcome),
            }
        }
    }

    /// Grants or revokes the administrator role if `changes`, and otherwise requires that the role is as given.
    fn role(&self, user: UserId, administrator: bool, changes: bool) -> Result<TransactWriteItem> {
        let (table, row) = (&self.tables.identity, administrator_key(user));
        match (changes, administrator) {
            (true, true) => put_new(table, administrator_row(user)),
            (true, false) => delete_existing(table, row),
            (false, true) => require(table, row, "attribute_exists(pk)"),
            (false, false) => require(table, row, "attribute_not_exists(pk)"),
        }
    }

    /// Leads from the provider's number to the user. It is never changed to another user.
    fn pointer(&self, identity: &Identity) -> Result<TransactWriteItem> {
        let (key, user) = (keys::identity(identity.vcs, identity.profile.id), json(&identity.user)?);
        let item = item::entity(item::key(key, keys::IDENTITY), "identity-pointer", [("user", user.clone())]);
        put_if(&self.tables.identity, item, ("attribute_not_exists(pk) OR #user = :user", [(":user", user)]))
    }

    /// Leads from a login to the person who last signed in under it. The login may now belong to another person, and
    /// the person may have another login, so a reader must compare it with the identity.
    fn login_row(&self, identity: &Identity) -> Result<TransactWriteItem> {
        let key = item::key(keys::login(identity.vcs, &identity.profile.login), keys::LOGIN);
        put(&self.tables.identity, item::entity(key, "login", [("user", json(&identity.user)?)]))
    }

    fn signed_in_user(&self, identity: &Identity) -> Result<TransactWriteItem> {
        let key = item::key(keys::user(identity.user), keys::PROFILE);
        Update::new(&self.tables.identity, key, "SET entity = :entity, #schema = :schema, vcs = :vcs")
            .values([(":entity", s("user")), (":schema", n(1)), (":vcs", json(&[identity.vcs])?)])
            .in_transaction()
    }

    fn identity_row(&self, identity: &Identity, tokens: Option<&SealedTokens>) -> Result<TransactWriteItem> {
        let Identity { vcs, user, profile } = identity;
        let attributes = [
            ("provider_id", n(profile.id)),
            ("login", s(&profile.login)),
            ("name", json(&profile.name)?),
            ("email", json(&profile.email)?),
            ("avatar_url", json(&profile.avatar_url)?),
        ];
        let mut item = item::entity(row_key(*user, *vcs), "identity", attributes);
        if let Some(SealedTokens { id, bytes }) = tokens {
            item.extend([("tokens".into(), b(bytes.clone())), ("tokens_id".into(), b(id.into_bytes()))]);
        }
        put(&self.tables.identity, item)
    }

    /// Claims the renewal of these tokens until `until`, for the caller that `claim` names. Only one caller at a time
    /// may renew, because a refresh token is good for one call. Returns `false` if another caller holds the claim or
    /// has already renewed the tokens.
    pub async fn claim_renewal(
        &self,
        of: &Identity,
        tokens: Uuid,
        claim: Uuid,
        now: Seconds,
        until: Seconds,
    ) -> Result<bool> {
        self.renewal_update(of, claim, "SET claim = :claim, claimed_until = :until")
            .condition(
                "tokens_id = :tokens AND (attribute_not_exists(claim) OR claimed_until <= :now OR claim = :claim)",
            )
            .values([(":tokens", b(tokens.into_bytes())), (":now", n(now.0)), (":until", n(until.0))])
            .applied(self)
            .await
    }

    /// Stores the renewed tokens and releases the claim. Returns `false` if a sign-in has stored tokens meanwhile;
    /// those stay.
    pub async fn put_renewed_tokens(&self, of: &Identity, next: &SealedTokens, claim: Uuid) -> Result<bool> {
        self.renewal_update(of, claim, "SET tokens = :tokens, tokens_id = :id REMOVE claim, claimed_until")
            // The second alternative holds if this write took effect before and its answer was lost.
            .condition("claim = :claim OR tokens_id = :id")
            .values([(":tokens", b(next.bytes.clone())), (":id", b(next.id.into_bytes()))])
            .applied(self)
            .await
    }

    /// Releases the claim after a failed renewal. With `useless`, the tokens are deleted too, because the provider no
    /// longer accepts them. Returns `false` if a sign-in has stored tokens meanwhile.
    pub async fn release_renewal(&self, of: &Identity, claim: Uuid, useless: bool) -> Result<bool> {
        let removed =
            if useless { "REMOVE claim, claimed_until, tokens, tokens_id" } else { "REMOVE claim, claimed_until" };
        self.renewal_update(of, claim, removed).condition("claim = :claim").applied(self).await
    }

    fn renewal_update(&self, of: &Identity, claim: Uuid, expression: &str) -> Update {
        Update::new(&self.tables.identity, row_key(of.user, of.vcs), expression)
            .values([(":claim", b(claim.into_bytes()))])
    }
}

pub(super) fn row_key(user: UserId, vcs: Vcs) -> Item {
    item::key(keys::user(user), keys::identity_of_user(vcs))
}

pub(super) fn decode(user: UserId, vcs: Vcs, item: &Item) -> Result<Identity> {
    let profile = Profile {
        id: item.number("provider_id")?,
        login: item.text("login")?.to_owned(),
        name: item.parsed("name")?,
        email: item.parsed("email")?,
        avatar_url: item.parsed("avatar_url")?,
    };
    Ok(Identity { vcs, user, profile })
}
