//! Tokens of teams and organizations.

use futures::future::try_join;
use http::request::Parts;

use super::charging::SecretAttempt;
use crate::auth::TeamSecret;
use crate::domain::organization::{Organization, Team, TeamToken, TokenHolder};
use crate::domain::{AuditAction, Error, Millis, Result, UserId};
use crate::runtime::App;
use crate::store::Ownership;

/// A token whose secret has been verified.
#[derive(Clone, Debug)]
pub struct ProvenToken {
    pub token: TeamToken,
    /// The owner of the token.
    pub holder: Holder,
    /// Whether this is the first use within a minute, for which an audit entry is written.
    pub records_use: bool,
}

/// The owner of a token, in its current state.
#[derive(Clone, Debug)]
pub enum Holder {
    Organization(Organization),
    Team(Team),
}

impl ProvenToken {
    /// Reads the token and its holder again.
    ///
    /// # Errors
    /// Unauthenticated if either has been deleted.
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

/// Verifies a team token's secret. Its holder must exist, and one of the organization's owners must be a member of the
/// installation. Costs four strongly consistent reads for an organization's token and five for a team's, so that a
/// revoked token is refused at once; none if the secret is malformed. The use is stored in the background.
///
/// # Errors
/// Unauthenticated. An unknown id, a wrong secret and an expired token get the same answer, and each counts as a wrong
/// secret. If no owner is a member of the installation, the answer is the same, but does not count as a wrong secret.
pub async fn prove_team_token(text: &str, parts: &Parts, app: &App) -> Result<ProvenToken> {
    let secret = TeamSecret::parse(text).ok_or_else(Error::unauthenticated)?;
    let named = (secret.id().key_id(), secret.hash());
    // Each function counts a valid token against a different limit.
    let attempt = SecretAttempt::begin((parts, app), named, AuditAction::TeamTokenUsed, None)?;
    let now = app.clock.now();
    match app.store.find_team_token(secret.id()).await? {
        Some(token) if secret.matches(&token.secret_hash) && !token.expired(now) => {
            let (holder, ownership) = owned_holder(&token, app).await?.ok_or_else(Error::unauthenticated)?;
            if !app.any_member(&ownership.owners, ownership.organization.namespace).await? {
                return Err(attempt.refused(holder.service_user()));
            }
            attempt.succeeded();
            let records_use = token.must_record_use(now);
            if records_use {
                record_use(app, &token, now);
            }
            Ok(ProvenToken { token, holder, records_use })
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

/// The token's holder, and the owners of its organization. `None` if the holder or the organization has been deleted.
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

/// The token's holder. `None` if it has been deleted. Costs one read.
async fn holder_of(token: &TeamToken, app: &App) -> Result<Option<Holder>> {
    Ok(match token.holder {
        TokenHolder::Team(team) => app.store.find_team(team).await?.map(Holder::Team),
        TokenHolder::Organization => {
            app.store.find_organization(token.id.organization()).await?.map(Holder::Organization)
        }
    })
}

fn record_use(app: &App, token: &TeamToken, now: Millis) {
    let (store, id) = (app.store.clone(), token.id);
    app.background.spawn(async move {
        if let Err(error) = store.touch_team_token(id, now).await {
            tracing::warn!(%error, "the use of a token could not be stored");
        }
    });
}
