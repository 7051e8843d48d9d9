//! Tokens of teams and organizations.

use futures::future::try_join;
use http::request::Parts;

use super::charging::SecretAttempt;
use crate::auth::TeamSecret;
use crate::domain::organization::{Organization, Team, TeamToken, TokenHolder};
use crate::domain::{AuditAction, Error, Millis, Result, UserId};
use crate::runtime::App;
use crate::store::Ownership;

/// A token whose holder proved to have its secret.
#[derive(Clone, Debug)]
pub struct ProvenToken {
    /// The token.
    pub token: TeamToken,
    /// Whose it is.
    pub holder: Holder,
    /// Whether this is its first use, or the first for a minute: one that is worth an entry.
    pub news: bool,
}

/// Whose a token is, as it is at this moment.
#[derive(Clone, Debug)]
pub enum Holder {
    /// An organization itself.
    Organization(Organization),
    /// A team.
    Team(Team),
}

impl ProvenToken {
    /// Reads the token and its holder again.
    ///
    /// # Errors
    /// Unauthenticated when either is gone.
    pub async fn reread(&mut self, app: &App) -> Result<()> {
        self.token = app.store.find_team_token(self.token.id).await?.ok_or_else(Error::unauthenticated)?;
        self.holder = holder_of(&self.token, app).await?.ok_or_else(Error::unauthenticated)?;
        Ok(())
    }
}

impl Holder {
    /// The user in whose name the token acts.
    pub fn service_user(&self) -> UserId {
        match self {
            Self::Organization(organization) => organization.service_user(),
            Self::Team(team) => team.service_user(),
        }
    }
}

/// The token whose secret a request presents, if its holder exists and one of the organization's owners is a member of the
/// installation. Four strongly consistent reads for an organization's token and five for a team's, so that what was revoked
/// is refused at once. A malformed secret costs none. The token's use is recorded beside the answer.
///
/// # Errors
/// Unauthenticated. An unknown id, a wrong secret and an expired token get the same answer, and each counts as a wrong secret.
/// A token of an organization without an owner in its installation gets that answer too, and does not count as one.
pub async fn prove_team_token(text: &str, parts: &Parts, app: &App) -> Result<ProvenToken> {
    let secret = TeamSecret::parse(text).ok_or_else(Error::unauthenticated)?;
    let named = (secret.id().key_id(), secret.hash());
    // Who pays for a good one differs from function to function.
    let attempt = SecretAttempt::begin((parts, app), named, AuditAction::TeamTokenUsed, None)?;
    let now = app.clock.now();
    match app.store.find_team_token(secret.id()).await? {
        Some(token) if secret.matches(&token.secret_hash) && !token.expired(now) => {
            let (holder, ownership) = owned_holder(&token, app).await?.ok_or_else(Error::unauthenticated)?;
            if !app.any_member(&ownership.owners, ownership.organization.namespace).await? {
                return Err(attempt.refused(holder.service_user()));
            }
            attempt.succeeded();
            let news = token.use_is_news(now);
            if news {
                note_use(app, &token, now);
            }
            Ok(ProvenToken { token, holder, news })
        }
        other => {
            let holder = match &other {
                Some(token) => holder_of(token, app).await?,
                None => None,
            };
            Err(attempt.failed(holder.as_ref().map(Holder::service_user)).await)
        }
    }
}

/// The token's holder with the owners of its organization; `None` when the holder or the organization is gone.
async fn owned_holder(token: &TeamToken, app: &App) -> Result<Option<(Holder, Ownership)>> {
    let team = async {
        match token.holder {
            TokenHolder::Team(team) => app.store.find_team(team).await,
            TokenHolder::Organization => Ok(None),
        }
    };
    let (ownership, team) = try_join(app.store.find_ownership(token.id.organization()), team).await?;
    let Some(ownership) = ownership else { return Ok(None) };
    let holder = match token.holder {
        TokenHolder::Team(_) => team.map(Holder::Team),
        TokenHolder::Organization => Some(Holder::Organization(ownership.organization.clone())),
    };
    Ok(holder.map(|holder| (holder, ownership)))
}

/// Whose a token is; `None` when that is gone. One read.
async fn holder_of(token: &TeamToken, app: &App) -> Result<Option<Holder>> {
    Ok(match token.holder {
        TokenHolder::Team(team) => app.store.find_team(team).await?.map(Holder::Team),
        TokenHolder::Organization => {
            app.store.find_organization(token.id.organization()).await?.map(Holder::Organization)
        }
    })
}

fn note_use(app: &App, token: &TeamToken, now: Millis) {
    let (store, id) = (app.store.clone(), token.id);
    app.background.spawn(async move {
        if let Err(error) = store.touch_team_token(id, now).await {
            tracing::warn!(%error, "a token's use was not noted");
        }
    });
}
