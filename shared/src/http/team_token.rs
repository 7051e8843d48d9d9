//! Who is calling, by the secret of a team's or an organization's token.

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::authorize::bearer;
use super::event::ClientInfo;
use super::rate::{charge, network, refuse_limited};
use crate::auth::TeamSecret;
use crate::domain::organization::{Organization, Team, TeamToken, TokenHolder};
use crate::domain::rate::Subject;
use crate::domain::{AuditAction, AuditOutcome, Error, Millis, Result, UserId};
use crate::runtime::App;

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

impl Holder {
    /// The user in whose name the token acts.
    pub fn service_user(&self) -> UserId {
        match self {
            Self::Organization(organization) => organization.service_user(),
            Self::Team(team) => team.service_user(),
        }
    }
}

/// The token whose secret a request presents, if its holder is there; `None` for a request that presents something else, or
/// nothing. Two reads, both strongly consistent: what was revoked is
/// refused at once. A malformed secret costs none. Its use is noted beside the answer.
///
/// # Errors
/// Unauthenticated: an unknown id, a wrong secret and an expired token look the same from outside, and count alike against
/// whoever guesses. Nobody is charged otherwise.
pub async fn prove_team_token(parts: &mut Parts, app: &App) -> Result<Option<ProvenToken>> {
    let Some(text) = bearer(&parts.headers).ok().filter(|text| TeamSecret::claimed_by(text)) else { return Ok(None) };
    let secret = TeamSecret::parse(text).ok_or_else(Error::unauthenticated)?;
    let (key, place, hash) = (secret.id().key_id(), network(parts), secret.hash());
    refuse_limited(parts, app, Subject::Guesser(key, place))?;
    if !app.limits.proven(key, hash) {
        refuse_limited(parts, app, Subject::Stranger(place))?;
    }
    let now = app.clock.now();
    let found = app.store.find_team_token(secret.id()).await?;
    let good = |token: &TeamToken| secret.matches(&token.secret_hash) && !token.expired(now);
    let Ok(client) = ClientInfo::from_request_parts(parts, app).await;
    match found {
        Some(token) if good(&token) => {
            let holder = holder_of(&token, app).await?.ok_or_else(Error::unauthenticated)?;
            app.limits.remember_proven(key, hash);
            let news = token.use_is_news(now);
            if news {
                note_use(app, &token, now);
            }
            Ok(Some(ProvenToken { token, holder, news }))
        }
        other => {
            if let Some(holder) = match &other {
                Some(token) => holder_of(token, app).await?,
                None => None,
            } {
                let done = (AuditAction::TeamTokenUsed, AuditOutcome::Refused);
                app.audit_beside(client.audited(now, done, holder.service_user(), Some(key)));
            }
            charge(parts, app, Subject::Guesser(key, place)).await?;
            Err(Error::unauthenticated())
        }
    }
}

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
