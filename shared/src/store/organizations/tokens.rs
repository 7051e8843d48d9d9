//! Tokens of teams and organizations.
//!
//! The row of a holder names its legacy token. A replacement is one transaction over the rows of the holder, the old
//! token and the new token, on the condition that the holder still names the old one. An interruption therefore leaves
//! either the old token or the new one, never both.

use aws_sdk_dynamodb::types::TransactWriteItem;

use super::super::client::Store;
use super::super::error::Failure;
use super::super::item::{Item, n, s};
use super::super::keys;
use super::super::transaction::{delete, delete_existing, put_new, require};
use super::super::update::Update;
use super::codec;
use super::decision::{Decision, Written};
use crate::domain::organization::{OrganizationCode, TeamId, TeamToken, TeamTokenId, TokenHolder};
use crate::domain::{Error, Millis, Result};

/// How many times the replacement of a legacy token is tried while others replace it too.
const ATTEMPTS: usize = 30;

impl Store {
    /// Strongly consistent, so that a deleted token is refused at once.
    pub async fn find_team_token(&self, id: TeamTokenId) -> Result<Option<TeamToken>> {
        let (pk, sk) = (s(keys::organization(id.organization())), s(keys::team_token(id)));
        let item = self.get(&self.tables.identity, pk, sk).await?;
        item.map(|item| codec::team_token(&item)).transpose()
    }

    /// Replaces the legacy token of a holder. `old` is the one that the caller read. Returns the token that was
    /// replaced. [`Written::Outdated`] also if the holder has been deleted.
    pub async fn replace_legacy_token(
        &self,
        token: &TeamToken,
        mut old: Option<TeamTokenId>,
        decision: &Decision,
    ) -> Result<(Written, Option<TeamTokenId>)> {
        for _ in 0..ATTEMPTS {
            let table = &self.tables.identity;
            let mut items = vec![self.set_holder_token(token, old)?, put_new(table, codec::token_row(token))?];
            items.extend(old.map(|old| delete(table, row_key(old))).transpose()?);
            let written = self.write_decided(items, decision, jitter_seed(token)).await?;
            if self.created(token, written).await? {
                return Ok((Written::Done, old));
            }
            match self.legacy_token_of(token).await? {
                Some(current) if current != old => old = current,
                _ => return Ok((Written::Outdated, None)),
            }
        }
        Err(Error::unavailable("too many concurrent replacements of a legacy token"))
    }

    /// Creates a described token. [`Written::Outdated`] also if the team has been deleted.
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
        let written = self.write_decided(items, decision, jitter_seed(token)).await?;
        if self.created(token, written).await? {
            return Ok(Written::Done);
        }
        let pair = [keys::PK, keys::SK].map(|name| description.get(name).cloned());
        let [Some(pk), Some(sk)] = pair else { return Ok(Written::Outdated) };
        let exists = self.get(table, pk, sk).await?.is_some();
        Ok(if exists { Written::Taken } else { Written::Outdated })
    }

    /// Deletes a token. [`Written::Outdated`] also if it was deleted before.
    pub async fn delete_team_token(&self, token: &TeamToken, decision: &Decision) -> Result<Written> {
        let mut items = vec![delete_existing(&self.tables.identity, row_key(token.id))?];
        match description_key(token) {
            Some(description) => items.push(delete(&self.tables.identity, description)?),
            None => items.push(self.clear_holder_token(token)?),
        }
        let written = self.write_decided(items, decision, jitter_seed(token)).await?;
        Ok(if written? { Written::Done } else { Written::Outdated })
    }

    /// Records a use. A token that was deleted meanwhile stays deleted.
    pub async fn touch_team_token(&self, id: TeamTokenId, now: Millis) -> Result<()> {
        let update = Update::new(&self.tables.identity, row_key(id), "SET last_used_at = :now")
            .condition("attribute_exists(pk) AND (attribute_not_exists(last_used_at) OR last_used_at < :now)")
            .values([(":now", n(now.0))]);
        update.applied(self).await.map(drop)
    }

    /// The writes that delete a token's rows, if they exist.
    pub(super) fn token_removal(&self, token: &TeamToken) -> Result<Vec<TransactWriteItem>> {
        let rows = [Some(row_key(token.id)), description_key(token)];
        rows.into_iter().flatten().map(|key| delete(&self.tables.identity, key)).collect()
    }

    /// Whether the token was created. If the answer was lost, the row is read, because a client that gets an error
    /// would create another one. `false` if a condition failed.
    async fn created(&self, token: &TeamToken, outcome: Result<bool, Failure>) -> Result<bool> {
        match outcome {
            Err(failure @ Failure::Ambiguous(_)) => match self.find_team_token(token.id).await {
                Ok(Some(_)) => Ok(true),
                _ => Err(failure.into()),
            },
            other => Ok(other?),
        }
    }

    /// The legacy token that the holder names now. The outer `None` means that there is no such holder.
    async fn legacy_token_of(&self, token: &TeamToken) -> Result<Option<Option<TeamTokenId>>> {
        Ok(match token.holder {
            TokenHolder::Team(team) => self.find_team(team).await?.map(|team| team.token),
            TokenHolder::Organization => {
                self.find_organization(token.id.organization()).await?.map(|organization| organization.token)
            }
        })
    }

    /// Makes the holder name this token instead of `old`.
    fn set_holder_token(&self, token: &TeamToken, old: Option<TeamTokenId>) -> Result<TransactWriteItem> {
        let update = Update::new(&self.tables.identity, holder_key(token), "SET #token = :new")
            .values([(":new", s(token.id.to_string()))]);
        let update = match old {
            None => update.condition("attribute_exists(pk) AND attribute_not_exists(#token)"),
            Some(old) => update.condition("#token = :old").values([(":old", s(old.to_string()))]),
        };
        update.in_transaction()
    }

    /// Makes the holder name no legacy token instead of this one.
    fn clear_holder_token(&self, token: &TeamToken) -> Result<TransactWriteItem> {
        Update::new(&self.tables.identity, holder_key(token), "REMOVE #token")
            .condition("#token = :old")
            .values([(":old", s(token.id.to_string()))])
            .in_transaction()
    }
}

pub(super) fn row_key(id: TeamTokenId) -> Item {
    codec::key(id.organization(), keys::team_token(id))
}

pub(super) fn holder_key(token: &TeamToken) -> Item {
    let code: OrganizationCode = token.id.organization();
    match token.holder {
        TokenHolder::Team(team) => codec::key(code, keys::team(team)),
        TokenHolder::Organization => codec::key(code, keys::ORGANIZATION),
    }
}

pub(super) fn description_key(token: &TeamToken) -> Option<Item> {
    match (token.holder, &token.description) {
        (TokenHolder::Team(team), Some(text)) => Some(codec::key(team.organization(), keys::description(team, text))),
        _ => None,
    }
}

/// Differs from token to token.
fn jitter_seed(token: &TeamToken) -> u64 {
    token.secret_hash.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}
