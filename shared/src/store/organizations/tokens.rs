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
use super::decision::{Decision, Written};
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

    /// Puts a legacy token in place of its holder's: `old`, as last seen. What was replaced is given back. Outdated, too, when
    /// the holder is gone.
    pub async fn replace_legacy_token(
        &self,
        token: &TeamToken,
        mut old: Option<TeamTokenId>,
        decision: &Decision,
    ) -> Result<(Written, Option<TeamTokenId>)> {
        for _ in 0..ATTEMPTS {
            let table = &self.tables.identity;
            let mut items = vec![self.names_token(token, old)?, put_new(table, codec::token_row(token))?];
            items.extend(old.map(|old| delete(table, row_key(old))).transpose()?);
            let written = self.write_decided(items, decision, salt(token)).await?;
            if self.created(token, written).await? {
                return Ok((Written::Done, old));
            }
            match self.legacy_token_of(token).await? {
                Some(seen) if seen != old => old = seen,
                _ => return Ok((Written::Outdated, None)),
            }
        }
        Err(Error::unavailable("a team's token is replaced by others all the time"))
    }

    /// Adds a described token. Outdated, too, when the team is gone.
    pub async fn create_described_token(
        &self,
        token: &TeamToken,
        team: TeamId,
        decision: &Decision,
    ) -> Result<Written> {
        let description =
            description_key(token).ok_or(Error::corrupt_item("a described token without a description"))?;
        let table = &self.tables.identity;
        let items = vec![
            require(table, codec::key(team.organization(), keys::team(team)), "attribute_exists(pk)")?,
            put_new(table, codec::marker(description.clone(), "token-description"))?,
            put_new(table, codec::token_row(token))?,
        ];
        let written = self.write_decided(items, decision, salt(token)).await?;
        if self.created(token, written).await? {
            return Ok(Written::Done);
        }
        let pair = [keys::PK, keys::SK].map(|name| description.get(name).cloned());
        let [Some(pk), Some(sk)] = pair else { return Ok(Written::Outdated) };
        let exists = self.get(table, pk, sk).await?.is_some();
        Ok(if exists { Written::Taken } else { Written::Outdated })
    }

    /// Takes a token away. Outdated, too, when it is gone already.
    pub async fn delete_team_token(&self, token: &TeamToken, decision: &Decision) -> Result<Written> {
        let mut items = vec![delete_existing(&self.tables.identity, row_key(token.id))?];
        match description_key(token) {
            Some(place) => items.push(delete(&self.tables.identity, place)?),
            None => items.push(self.forgets_token(token)?),
        }
        let written = self.write_decided(items, decision, salt(token)).await?;
        Ok(if written? { Written::Done } else { Written::Outdated })
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
    /// `false`: a condition failed.
    async fn created(&self, token: &TeamToken, outcome: Result<bool, Failure>) -> Result<bool> {
        match outcome {
            Err(failure @ Failure::Ambiguous(_)) => match self.find_team_token(token.id).await {
                Ok(Some(_)) => Ok(true),
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
