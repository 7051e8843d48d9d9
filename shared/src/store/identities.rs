//! Identities at providers. The provider's number of a person leads to the user. The user's partition holds the profile
//! from the last sign-in and the sealed tokens of the provider.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{KeysAndAttributes, Put, TransactWriteItem, Update};
use uuid::Uuid;

use super::audit::NewAuditEntry;
use super::client::Store;
use super::error::Failure;
use super::item::{Attributes, Item, b, json, n, s};
use super::keys;
use super::transaction::{delete_existing, malformed, put_new, require};
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
        let key = |user: &UserId| {
            let pair = [(keys::PK, keys::user(*user)), (keys::SK, keys::identity_of_user(vcs))];
            pair.into_iter().map(|(name, text)| (name.to_owned(), s(text))).collect::<Item>()
        };
        let (mut wanted, mut found): (Vec<Item>, _) = (users.iter().map(key).collect(), HashMap::new());
        while !wanted.is_empty() {
            let keys = KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(true).build();
            let keys = keys.map_err(|error| Error::internal("reading identities", error))?;
            let answer = self.db.batch_get_item().request_items(&self.tables.identity, keys).send().await;
            let answer = answer.map_err(Failure::of)?;
            for item in answer.responses.into_iter().flat_map(HashMap::into_values).flatten() {
                let user = keys::parse_user(item.text(keys::PK)?)
                    .ok_or(Error::corrupt_item("an identity's partition key names no user"))?;
                found.insert(user, decode(user, vcs, &item)?);
            }
            let mut left = answer.unprocessed_keys.unwrap_or_default();
            wanted = left.remove(&self.tables.identity).map(|keys| keys.keys).unwrap_or_default();
        }
        Ok(found)
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
        let put = Put::builder().table_name(&self.tables.identity);
        let put = put.item(keys::PK, s(keys::identity(identity.vcs, identity.profile.id)));
        let put = put.item(keys::SK, s(keys::IDENTITY)).item("entity", s("identity-pointer")).item("schema", n(1));
        let put = put.item("user", json(&identity.user)?);
        let put = put.condition_expression("attribute_not_exists(pk) OR #user = :user");
        let put = put.expression_attribute_names("#user", "user");
        let put = put.expression_attribute_values(":user", json(&identity.user)?).build();
        Ok(TransactWriteItem::builder().put(put.map_err(malformed)?).build())
    }

    /// Leads from a login to the person who last signed in under it. The login may now belong to another person, and
    /// the person may have another login, so a reader must compare it with the identity.
    fn login_row(&self, identity: &Identity) -> Result<TransactWriteItem> {
        let put = Put::builder().table_name(&self.tables.identity);
        let put = put.item(keys::PK, s(keys::login(identity.vcs, &identity.profile.login)));
        let put = put.item(keys::SK, s(keys::LOGIN)).item("entity", s("login")).item("schema", n(1));
        let put = put.item("user", json(&identity.user)?).build();
        Ok(TransactWriteItem::builder().put(put.map_err(malformed)?).build())
    }

    fn signed_in_user(&self, identity: &Identity) -> Result<TransactWriteItem> {
        let update = Update::builder().table_name(&self.tables.identity);
        let update = update.key(keys::PK, s(keys::user(identity.user))).key(keys::SK, s(keys::PROFILE));
        let update = update
            .update_expression("SET entity = :entity, #schema = :schema, vcs = :vcs")
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_values(":entity", s("user"))
            .expression_attribute_values(":schema", n(1))
            .expression_attribute_values(":vcs", json(&[identity.vcs])?);
        Ok(TransactWriteItem::builder().update(update.build().map_err(malformed)?).build())
    }

    fn identity_row(&self, identity: &Identity, tokens: Option<&SealedTokens>) -> Result<TransactWriteItem> {
        let Identity { vcs, user, profile } = identity;
        let put = Put::builder().table_name(&self.tables.identity);
        let put = put.item(keys::PK, s(keys::user(*user))).item(keys::SK, s(keys::identity_of_user(*vcs)));
        let put = put.item("entity", s("identity")).item("schema", n(1));
        let put = put.item("provider_id", n(profile.id)).item("login", s(&profile.login));
        let put = put.item("name", json(&profile.name)?).item("email", json(&profile.email)?);
        let put = put.item("avatar_url", json(&profile.avatar_url)?);
        let put = match tokens {
            Some(tokens) => put.item("tokens", b(tokens.bytes.clone())).item("tokens_id", b(tokens.id.into_bytes())),
            None => put,
        };
        Ok(TransactWriteItem::builder().put(put.build().map_err(malformed)?).build())
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
        let update = self.db.update_item().table_name(&self.tables.identity).set_key(Some(row_key(of)));
        let update = update.update_expression("SET claim = :claim, claimed_until = :until").condition_expression(
            "tokens_id = :tokens AND (attribute_not_exists(claim) OR claimed_until <= :now OR claim = :claim)",
        );
        let update = update.expression_attribute_values(":claim", b(claim.into_bytes()));
        let update = update.expression_attribute_values(":tokens", b(tokens.into_bytes()));
        let update = update.expression_attribute_values(":now", n(now.0));
        let update = update.expression_attribute_values(":until", n(until.0));
        condition_held(update.send().await.map_err(Failure::of_update))
    }

    /// Stores the renewed tokens and releases the claim. Returns `false` if a sign-in has stored tokens meanwhile;
    /// those stay.
    pub async fn put_renewed_tokens(&self, of: &Identity, next: &SealedTokens, claim: Uuid) -> Result<bool> {
        let update = self.db.update_item().table_name(&self.tables.identity).set_key(Some(row_key(of)));
        let update = update.update_expression("SET tokens = :tokens, tokens_id = :id REMOVE claim, claimed_until");
        // The second alternative holds if this write took effect before and its answer was lost.
        let update = update.condition_expression("claim = :claim OR tokens_id = :id");
        let update = update.expression_attribute_values(":claim", b(claim.into_bytes()));
        let update = update.expression_attribute_values(":tokens", b(next.bytes.clone()));
        let update = update.expression_attribute_values(":id", b(next.id.into_bytes()));
        condition_held(update.send().await.map_err(Failure::of_update))
    }

    /// Releases the claim after a failed renewal. With `useless`, the tokens are deleted too, because the provider no
    /// longer accepts them. Returns `false` if a sign-in has stored tokens meanwhile.
    pub async fn release_renewal(&self, of: &Identity, claim: Uuid, useless: bool) -> Result<bool> {
        let update = self.db.update_item().table_name(&self.tables.identity).set_key(Some(row_key(of)));
        let removed =
            if useless { "REMOVE claim, claimed_until, tokens, tokens_id" } else { "REMOVE claim, claimed_until" };
        let update = update.update_expression(removed).condition_expression("claim = :claim");
        let update = update.expression_attribute_values(":claim", b(claim.into_bytes()));
        condition_held(update.send().await.map_err(Failure::of_update))
    }
}

fn condition_held<T>(outcome: Result<T, Failure>) -> Result<bool> {
    match outcome {
        Ok(_) => Ok(true),
        Err(Failure::Condition(_)) => Ok(false),
        Err(failure) => Err(failure.into()),
    }
}

fn row_key(of: &Identity) -> Item {
    Item::from([
        (keys::PK.to_owned(), s(keys::user(of.user))),
        (keys::SK.to_owned(), s(keys::identity_of_user(of.vcs))),
    ])
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
