//! Tokens of teams and organizations.
//!
//! A holder's row names its one legacy token. Replacing it is one transaction over the holder, the old and the new row, on
//! the condition that the holder still names the old one: whoever is killed leaves one or the other, never both.

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};

use super::super::client::Store;
use super::super::error::Failure;
use super::super::item::{Item, n, s};
use super::super::keys;
use super::super::transaction::{delete, delete_existing, malformed, put_new, require};
use super::codec;
use crate::domain::organization::{OrganizationCode, TeamId, TeamToken, TeamTokenId, TokenHolder};
use crate::domain::{Error, Millis, Result};

/// How often a legacy token is tried to be put in place of one that others replace, too.
const ATTEMPTS: usize = 30;

impl Store {
    /// The token, if it exists; strongly consistent, so that a deleted one is refused at once.
    pub async fn find_team_token(&self, id: TeamTokenId) -> Result<Option<TeamToken>> {
        let (pk, sk) = (s(keys::organization(id.organization())), s(keys::team_token(id)));
        let item = self.get(&self.tables.identity, pk, sk).await?;
        item.map(|item| codec::team_token(&item)).transpose()
    }

    /// Puts a legacy token in place of its holder's: `old`, as last seen. What was replaced is given back.
    ///
    /// # Errors
    /// Not found, when the holder is gone.
    pub async fn replace_legacy_token(
        &self,
        token: &TeamToken,
        mut old: Option<TeamTokenId>,
    ) -> Result<Option<TeamTokenId>> {
        for _ in 0..ATTEMPTS {
            let table = &self.tables.identity;
            let mut items = vec![self.names_token(token, old)?, put_new(table, codec::token_row(token))?];
            items.extend(old.map(|old| delete(table, row_key(old))).transpose()?);
            match self.transact_patiently(items, salt(token)).await {
                Err(Failure::Condition(_)) => old = self.legacy_token_of(token).await?.ok_or(Error::NotFound)?,
                other => return self.created(token, other).await.map(|()| old),
            }
        }
        Err(Error::unavailable("a team's token is replaced by others all the time"))
    }

    /// Adds a described token. `false` when another one of the team has the description.
    ///
    /// # Errors
    /// Not found, when the team is gone.
    pub async fn create_described_token(&self, token: &TeamToken, team: TeamId) -> Result<bool> {
        let Some(place) = description_key(token) else { return Err(Error::corrupt("a described token without one")) };
        let table = &self.tables.identity;
        let items = vec![
            require(table, codec::key(team.organization(), keys::team(team)), "attribute_exists(pk)")?,
            put_new(table, codec::marker(place.clone(), "token-description"))?,
            put_new(table, codec::token_row(token))?,
        ];
        match self.transact_patiently(items, salt(token)).await {
            Err(Failure::Condition(_)) => match self.find_team(team).await? {
                Some(_) => Ok(false),
                None => Err(Error::NotFound),
            },
            other => self.created(token, other).await.map(|()| true),
        }
    }

    /// Takes a token away.
    ///
    /// # Errors
    /// Not found, when it is gone already.
    pub async fn delete_team_token(&self, token: &TeamToken) -> Result<()> {
        let mut items = vec![delete_existing(&self.tables.identity, row_key(token.id))?];
        match description_key(token) {
            Some(place) => items.push(delete(&self.tables.identity, place)?),
            None => items.push(self.forgets_token(token)?),
        }
        match self.transact_patiently(items, salt(token)).await {
            Err(Failure::Condition(_)) => Err(Error::NotFound),
            other => Ok(other?),
        }
    }

    /// Notes a use. A token deleted meanwhile stays deleted.
    pub async fn touch_team_token(&self, id: TeamTokenId, now: Millis) -> Result<()> {
        let update = self.db.update_item().table_name(&self.tables.identity).set_key(Some(row_key(id)));
        let update = update.update_expression("SET last_used_at = :now").expression_attribute_values(":now", n(now.0));
        let update = update.condition_expression(
            "attribute_exists(pk) AND (attribute_not_exists(last_used_at) OR last_used_at < :now)",
        );
        match update.send().await.map_err(Failure::of_update) {
            Ok(_) | Err(Failure::Condition(_)) => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }

    /// The writes that take away a token's rows, as far as they are there.
    pub(super) fn gone_token(&self, token: &TeamToken) -> Result<Vec<TransactWriteItem>> {
        let rows = [Some(row_key(token.id)), description_key(token)];
        rows.into_iter().flatten().map(|key| delete(&self.tables.identity, key)).collect()
    }

    /// A creation whose answer was lost may well have happened: the row tells. An error would make clients send it again.
    async fn created(&self, token: &TeamToken, outcome: Result<(), Failure>) -> Result<()> {
        match outcome {
            Err(failure @ Failure::Ambiguous(_)) => match self.find_team_token(token.id).await {
                Ok(Some(_)) => Ok(()),
                _ => Err(failure.into()),
            },
            other => Ok(other?),
        }
    }

    /// What the holder names as its legacy token now; `None` when there is no such holder.
    async fn legacy_token_of(&self, token: &TeamToken) -> Result<Option<Option<TeamTokenId>>> {
        Ok(match token.holder {
            TokenHolder::Team(team) => self.find_team(team).await?.map(|team| team.token),
            TokenHolder::Organization => {
                self.find_organization(token.id.organization()).await?.map(|organization| organization.token)
            }
        })
    }

    /// The holder names this token in place of `old`.
    fn names_token(&self, token: &TeamToken, old: Option<TeamTokenId>) -> Result<TransactWriteItem> {
        let update = Update::builder().table_name(&self.tables.identity).set_key(Some(holder_key(token)));
        let update = update.update_expression("SET #token = :new").expression_attribute_names("#token", "token");
        let update = update.expression_attribute_values(":new", s(token.id.to_string()));
        let update = match old {
            None => update.condition_expression("attribute_exists(pk) AND attribute_not_exists(#token)"),
            Some(old) => {
                let update = update.condition_expression("#token = :old");
                update.expression_attribute_values(":old", s(old.to_string()))
            }
        };
        Ok(TransactWriteItem::builder().update(update.build().map_err(malformed)?).build())
    }

    /// The holder no longer names this token.
    fn forgets_token(&self, token: &TeamToken) -> Result<TransactWriteItem> {
        let update = Update::builder().table_name(&self.tables.identity).set_key(Some(holder_key(token)));
        let update = update.update_expression("REMOVE #token").expression_attribute_names("#token", "token");
        let update = update.condition_expression("#token = :old");
        let update = update.expression_attribute_values(":old", s(token.id.to_string())).build().map_err(malformed)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

fn row_key(id: TeamTokenId) -> Item {
    codec::key(id.organization(), keys::team_token(id))
}

fn holder_key(token: &TeamToken) -> Item {
    let code: OrganizationCode = token.id.organization();
    match token.holder {
        TokenHolder::Team(team) => codec::key(code, keys::team(team)),
        TokenHolder::Organization => codec::key(code, keys::ORGANIZATION),
    }
}

fn description_key(token: &TeamToken) -> Option<Item> {
    match (token.holder, &token.description) {
        (TokenHolder::Team(team), Some(text)) => Some(codec::key(team.organization(), keys::description(team, text))),
        _ => None,
    }
}

/// Differs from token to token.
fn salt(token: &TeamToken) -> u64 {
    token.secret_hash.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}
