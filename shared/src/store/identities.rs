//! Identities at providers. The provider's number for a person leads to the user; beside the user stands what the provider
//! said of them, with the sealed tokens that it gave.

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

/// What a provider gave us to act for a person, sealed. `id` is new with every change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedTokens {
    /// Names this state of the tokens.
    pub id: Uuid,
    /// Sealed and bound to [`Store::binding`].
    pub bytes: Vec<u8>,
}

/// How often a sign-in is written again when another write of the same rows was under way.
const ATTEMPTS: usize = 3;

impl Store {
    /// What an identity's sealed tokens are bound to.
    pub fn binding(vcs: Vcs, provider_id: u64) -> String {
        keys::identity(vcs, provider_id)
    }

    /// The user that a person at a provider belongs to, if they have signed in before.
    pub async fn find_user_of_identity(&self, vcs: Vcs, provider_id: u64) -> Result<Option<UserId>> {
        let key = keys::identity(vcs, provider_id);
        let item = self.get(&self.tables.identity, s(key), s(keys::IDENTITY)).await?;
        item.map(|item| item.parsed("user")).transpose()
    }

    /// A user's identity at a provider.
    pub async fn find_identity(&self, user: UserId, vcs: Vcs) -> Result<Option<Identity>> {
        let found = self.find_identity_row(user, vcs).await?;
        found.map(|item| decode(user, vcs, &item)).transpose()
    }

    /// The identities of up to a hundred users at a provider; nothing of those who never signed in there.
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
                let user =
                    keys::parse_user(item.text(keys::PK)?).ok_or(Error::corrupt_item("an identity of nobody"))?;
                found.insert(user, decode(user, vcs, &item)?);
            }
            let mut left = answer.unprocessed_keys.unwrap_or_default();
            wanted = left.remove(&self.tables.identity).map(|keys| keys.keys).unwrap_or_default();
        }
        Ok(found)
    }

    /// A user's identity and the tokens, if the provider still accepts them.
    pub async fn find_tokens(&self, user: UserId, vcs: Vcs) -> Result<Option<(Identity, Option<SealedTokens>)>> {
        let Some(item) = self.find_identity_row(user, vcs).await? else { return Ok(None) };
        let tokens = item.find_bytes("tokens").map(<[u8]>::to_vec);
        let tokens = tokens.map(|bytes| Ok::<_, Error>(SealedTokens { id: item.uuid("tokens_id")?, bytes }));
        Ok(Some((decode(user, vcs, &item)?, tokens.transpose()?)))
    }

    async fn find_identity_row(&self, user: UserId, vcs: Vcs) -> Result<Option<Item>> {
        self.get(&self.tables.identity, s(keys::user(user)), s(keys::identity_of_user(vcs))).await
    }

    /// Writes what a sign-in brought: the user, if they are new, the identity and its tokens, whether they are an
    /// administrator, and `note`, which tells of a change in that; without it they must be one already, or be none. All or
    /// nothing. `false`: another request was first, so that this person at the provider belongs to another user, or their
    /// role is not what it was.
    pub async fn put_identity(
        &self,
        identity: &Identity,
        tokens: Option<&SealedTokens>,
        administrator: bool,
        note: Option<&NewAuditEntry>,
    ) -> Result<bool> {
        let mut items = vec![
            self.pointer(identity)?,
            self.signed_in_user(identity)?,
            self.role(identity.user, administrator, note.is_some())?,
            self.identity_row(identity, tokens)?,
            self.login_row(identity)?,
        ];
        items.extend(note.map(|note| self.note(note)).transpose()?);
        let mut attempt = 1;
        loop {
            match self.transact(items.clone()).await {
                Err(Failure::Busy(_)) if attempt < ATTEMPTS => attempt += 1,
                outcome => return changed(outcome),
            }
        }
    }

    /// Makes a person an administrator or ends that, if `changes`; else asks for the role that they have.
    fn role(&self, user: UserId, administrator: bool, changes: bool) -> Result<TransactWriteItem> {
        let (table, row) = (&self.tables.identity, administrator_key(user));
        match (changes, administrator) {
            (true, true) => put_new(table, administrator_row(user)),
            (true, false) => delete_existing(table, row),
            (false, true) => require(table, row, "attribute_exists(pk)"),
            (false, false) => require(table, row, "attribute_not_exists(pk)"),
        }
    }

    /// The way from the provider's number to the user; whoever writes it first keeps it.
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

    /// Leads from a login to the person who last signed in under it. The login may belong to another person by now, and the person
    /// may have another login, so a reader must compare it with the identity.
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

    /// Asks for the right to renew these tokens until `until`. Only one caller at a time has it: what buys the next pair
    /// is good for one call. `claim` names the caller. `false`: somebody else renews them, or has.
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
        changed(update.send().await.map_err(Failure::of_update))
    }

    /// Puts the next tokens in place and gives the claim up. `false`: a sign-in was faster, and its tokens stay.
    pub async fn put_renewed_tokens(&self, of: &Identity, next: &SealedTokens, claim: Uuid) -> Result<bool> {
        let update = self.db.update_item().table_name(&self.tables.identity).set_key(Some(row_key(of)));
        let update = update.update_expression("SET tokens = :tokens, tokens_id = :id REMOVE claim, claimed_until");
        // The second half is this very write, repeated because its answer was lost.
        let update = update.condition_expression("claim = :claim OR tokens_id = :id");
        let update = update.expression_attribute_values(":claim", b(claim.into_bytes()));
        let update = update.expression_attribute_values(":tokens", b(next.bytes.clone()));
        let update = update.expression_attribute_values(":id", b(next.id.into_bytes()));
        changed(update.send().await.map_err(Failure::of_update))
    }

    /// Gives the claim up with nothing gained. With `useless`, the tokens go as well: the provider accepts them no longer.
    /// `false`: a sign-in has brought others.
    pub async fn release_renewal(&self, of: &Identity, claim: Uuid, useless: bool) -> Result<bool> {
        let update = self.db.update_item().table_name(&self.tables.identity).set_key(Some(row_key(of)));
        let removed =
            if useless { "REMOVE claim, claimed_until, tokens, tokens_id" } else { "REMOVE claim, claimed_until" };
        let update = update.update_expression(removed).condition_expression("claim = :claim");
        let update = update.expression_attribute_values(":claim", b(claim.into_bytes()));
        changed(update.send().await.map_err(Failure::of_update))
    }
}

fn changed<T>(outcome: Result<T, Failure>) -> Result<bool> {
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
