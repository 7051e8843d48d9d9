//! Who is calling, by the secret of a team's or an organization's token.

use axum::extract::FromRequestParts;
use futures::future::try_join;
use http::request::Parts;

use super::super::authorize::bearer;
use super::super::event::ClientInfo;
use super::super::rate::{charge, network, refuse_limited};
use crate::auth::TeamSecret;
use crate::domain::organization::{Organization, Team, TeamToken, TokenHolder};
use crate::domain::rate::RateLimitKey;
use crate::domain::{AuditAction, AuditOutcome, Error, Millis, Result, UserId};
use crate::runtime::App;
use crate::store::Ownership;

/// What the trail says of a token that is presented and not accepted.
const REFUSED_USE: (AuditAction, AuditOutcome) = (AuditAction::TeamTokenUsed, AuditOutcome::Refused);

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

/// The token whose secret a request presents, if its holder exists and one of the organization's owners is a member of the
/// installation; `None` for a request that presents another kind of credential, or none. Four strongly consistent reads for
/// an organization's token and five for a team's, so that what was revoked is refused at once. A malformed secret costs
/// none. The token's use is recorded beside the answer.
///
/// # Errors
/// Unauthenticated. An unknown id, a wrong secret and an expired token get the same answer, and each counts as a wrong guess.
/// A token of an organization without an owner in its installation gets that answer too, and does not count as a guess.
pub async fn prove_team_token(parts: &mut Parts, app: &App) -> Result<Option<ProvenToken>> {
    let Some(text) = bearer(&parts.headers).ok().filter(|text| TeamSecret::claimed_by(text)) else { return Ok(None) };
    let secret = TeamSecret::parse(text).ok_or_else(Error::unauthenticated)?;
    let (key, place, hash) = (secret.id().key_id(), network(parts), secret.hash());
    refuse_limited(parts, app, RateLimitKey::FailedSecret(key, place))?;
    if !app.limits.proven(key, hash) {
        refuse_limited(parts, app, RateLimitKey::Anonymous(place))?;
    }
    let now = app.clock.now();
    let found = app.store.find_team_token(secret.id()).await?;
    let good = |token: &TeamToken| secret.matches(&token.secret_hash) && !token.expired(now);
    let Ok(client) = ClientInfo::from_request_parts(parts, app).await;
    match found {
        Some(token) if good(&token) => {
            let (holder, ownership) = owned_holder(&token, app).await?.ok_or_else(Error::unauthenticated)?;
            if !app.any_member(&ownership.owners, ownership.organization.namespace).await? {
                app.audit_beside(client.audited(now, REFUSED_USE, holder.service_user(), Some(key)));
                return Err(Error::unauthenticated());
            }
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
                app.audit_beside(client.audited(now, REFUSED_USE, holder.service_user(), Some(key)));
            }
            charge(parts, app, RateLimitKey::FailedSecret(key, place)).await?;
            Err(Error::unauthenticated())
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
