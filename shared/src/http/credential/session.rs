//! Browser sessions.

use futures::future::try_join_all;
use http::Method;
use http::request::Parts;

use super::super::cors::sent_by_listed;
use super::super::origin::Origin;
use super::charging::{network, refuse_limited};
use crate::auth::Verified;
use crate::domain::rate::RateLimitKey;
use crate::domain::{Caller, Code, Credential, Error, Result, Session, SessionId};
use crate::runtime::App;

/// Verifies a session. It is read for every request, so that a logout takes effect at once. Of several sessions that
/// the cookies name, exactly one must exist: two could belong to different people.
pub(super) async fn by_session(named: &[SessionId], parts: &Parts, app: &App) -> Result<Verified> {
    let now = app.clock.now().seconds();
    for id in named {
        refuse_limited(parts, app, RateLimitKey::Session(*id))?;
    }
    if !named.iter().any(|id| app.limits.knows(RateLimitKey::Session(*id))) {
        refuse_limited(parts, app, RateLimitKey::Anonymous(network(parts)))?;
    }
    let found = try_join_all(named.iter().map(|id| app.store.find_session(*id, now))).await?;
    let mut live = found.into_iter().flatten();
    let (Some(session), None) = (live.next(), live.next()) else { return Err(Error::unauthenticated()) };
    let writes = !matches!(parts.method, Method::GET | Method::HEAD);
    // The browser sends the cookie also with requests from pages of other sites.
    let trusted =
        || Origin::of(parts, app).sent(&parts.headers) || sent_by_listed(&app.settings.listed_origins, &parts.headers);
    if writes && !trusted() {
        return Err(Error::forbidden(Code::CrossOrigin));
    }
    if let Some(used) = session.used(now) {
        let store = app.store.clone();
        app.background.spawn(async move {
            if let Err(error) = store.touch_session(&used).await {
                tracing::warn!(%error, "the last use of a session could not be stored");
            }
        });
    }
    Ok(Verified::new(Caller {
        user: session.user,
        credential: Credential::Session(session.id),
        capabilities: Session::capabilities(),
        administration: true,
    }))
}
