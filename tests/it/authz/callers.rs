//! Callers who must be refused by a route that needs a token.

use http::header::{AUTHORIZATION, COOKIE, HeaderName, ORIGIN};
use http::{HeaderValue, Method};
use serde_json::json;
use terrapi::domain::{Capability, Session, UserId, Vcs};
use terrapi::runtime::{Clock, Random};
use terrapi::store::User;

use super::routes::{Access, Reach, Route};
use crate::support::TestService;
use crate::support::forge::{Forge, claims};

/// The request headers that identify the caller.
pub type Headers = Vec<(HeaderName, HeaderValue)>;

/// A caller and the expected refusal.
pub struct Caller {
    pub name: &'static str,
    /// The credential headers.
    pub headers: Headers,
    pub id: &'static str,
    /// The `data` of the error, and the `scope` of the challenge.
    pub missing: Option<String>,
    /// The storage calls that the refusal may make.
    pub reads: &'static [&'static str],
}

/// Reads the published keys, for a `kid` that is not cached.
const KEY_LOOKUP: &[&str] = &["Query identity public-keys"];
/// Reads the caller's administrator role.
const ROLE: &[&str] = &["GetItem identity administrator# administrator"];
/// Reads a membership.
const MEMBERSHIP: &[&str] = &["GetItem identity user# member#"];

/// Reads a session, and possibly a role or a membership.
const SESSION: &[&str] = &["GetItem identity session# session"];
const SESSION_AND_ROLE: &[&str] =
    &["GetItem identity session# session", "GetItem identity administrator# administrator"];
const SESSION_AND_MEMBERSHIP: &[&str] = &["GetItem identity session# session", "GetItem identity user# member#"];

fn bearer(token: &str) -> (HeaderName, HeaderValue) {
    (AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}")).unwrap())
}

/// The headers of a browser on a page of our own origin.
pub fn browser(cookie: &str) -> Headers {
    vec![(COOKIE, HeaderValue::from_str(cookie).unwrap()), (ORIGIN, HeaderValue::from_static("https://api.test"))]
}

fn unknown_user() -> UserId {
    UserId::new(Random::default().id().unwrap())
}

/// A known user who is not an administrator.
async fn ordinary(service: &TestService) -> UserId {
    let user = User { id: unknown_user(), vcs: vec![Vcs::Github] };
    service.app.store.put_user(&user).await.unwrap();
    user.id
}

/// Callers without a valid token.
pub async fn unauthenticated(service: &TestService, route: &Route) -> Vec<Caller> {
    let capabilities = &route.capabilities();
    let (trusted, unknown) = (Forge::trusted(), Forge::unknown());
    let good = claims(service.user, capabilities);
    let expired = {
        let mut claims = good.clone();
        let now = claims["iat"].as_i64().unwrap();
        (claims["iat"], claims["exp"]) = (json!(now - 66), json!(now - 6));
        trusted.token(&claims)
    };
    let our_kid = unknown.sign(&trusted.header().to_string(), &good.to_string());
    let plain = |name, headers: Headers| Caller { name, headers, id: "INVALID_TOKEN", missing: None, reads: &[] };
    let token = service.token(capabilities);
    vec![
        plain("no token", vec![]),
        plain("an empty token", vec![(AUTHORIZATION, HeaderValue::from_static("Bearer "))]),
        plain("garbage", vec![bearer("garbage")]),
        plain("bytes that are no text", vec![(AUTHORIZATION, HeaderValue::from_bytes(b"Bearer \xff").unwrap())]),
        plain("another scheme", vec![(AUTHORIZATION, HeaderValue::from_str(&format!("Basic {token}")).unwrap())]),
        plain("two tokens", vec![bearer(&token), bearer(&token)]),
        plain("an expired token", vec![bearer(&expired)]),
        plain("our kid, another key", vec![bearer(&our_kid)]),
        Caller { reads: KEY_LOOKUP, ..plain("an unknown key", vec![bearer(&unknown.token(&good))]) },
        Caller {
            id: "API_KEY_NOT_ACCEPTED",
            ..plain("an API key", vec![bearer(&service.api_key(capabilities).await)])
        },
        Caller { id: "API_KEY_NOT_ACCEPTED", ..plain("a broken API key", vec![bearer("tt_live_0")]) },
    ]
}

/// Browsers that must be refused: without a valid session, or on a page of another origin.
pub async fn browsers(service: &TestService, route: &Route) -> Vec<Caller> {
    let now = service.clock.now().seconds();
    let good = service.session_of(service.user).await;
    let idle = now.plus(-Session::IDLE_SECONDS);
    let idle = service.session_from(service.user, idle, idle).await;
    let old = service.session_from(service.user, now.plus(-Session::ABSOLUTE_SECONDS), now.plus(-1)).await;
    let ended = service.session_of(service.user).await;
    service.browse(Method::POST, "/api/v1/logout", &ended, None).await.ok();
    let two = format!("{good}; {}", service.session_of(service.user).await);
    let refused = |name, headers, reads| Caller { name, headers, id: "INVALID_TOKEN", missing: None, reads };
    let both = |token: &str| [browser(&good), vec![bearer(token)]].concat();
    let mut callers = vec![
        refused("a session at rest for a week", browser(&idle), SESSION),
        refused("a session of a month ago", browser(&old), SESSION),
        refused("a session that was ended", browser(&ended), SESSION),
        refused("no session's value", browser("session=0190a5d0-ac96-774b-bcce-b302099a8057"), &[]),
        refused("no value", browser("session="), &[]),
        refused("another cookie", browser(&good.replace("session", "Session")), &[]),
        refused("two live sessions", browser(&two), SESSION),
        refused("a session beside a token that is none", both("garbage"), &[]),
        Caller { id: "API_KEY_NOT_ACCEPTED", ..refused("a session beside an API key", both("tt_live_0"), &[]) },
    ];
    if !matches!(route.method, Method::GET) {
        let foreign = HeaderValue::from_static("https://evil.test");
        let alone = (COOKIE, HeaderValue::from_str(&good).unwrap());
        let cross = |name, headers| Caller { id: "CROSS_ORIGIN", ..refused(name, headers, SESSION) };
        callers.push(cross("a write that does not say from where", vec![alone.clone()]));
        callers.push(cross("a write from a foreign page", vec![alone, (ORIGIN, foreign)]));
    }
    if let Access::Token(_, Reach::Installation) = route.access {
        let headers = browser(&service.session_of(unknown_user()).await);
        let outside = refused("a session of a member of nothing", headers, SESSION_AND_MEMBERSHIP);
        callers.push(Caller { id: "INSTALLATION_FORBIDDEN", ..outside });
    }
    if let Access::Token(_, Reach::Administrator) = route.access {
        let headers = browser(&service.session_of(ordinary(service).await).await);
        let outside = refused("a session of an ordinary user", headers, SESSION_AND_ROLE);
        callers.push(Caller { id: "ADMINISTRATOR_REQUIRED", ..outside });
    }
    callers
}

/// Callers with a valid token that is not sufficient for the route.
pub async fn unauthorized(service: &TestService, route: &Route) -> Vec<Caller> {
    let Access::Token(capabilities, reach) = route.access else { return Vec::new() };
    let token = |user, capabilities: Vec<Capability>| vec![bearer(&service.token_of(user, &capabilities))];
    let with = |extra: &[Capability]| [capabilities, extra].concat();
    let lacking = |name, headers, missing: String| Caller {
        name,
        headers,
        id: "INSUFFICIENT_SCOPE",
        missing: Some(missing),
        reads: &[],
    };
    let elsewhere = |name, headers, reads| Caller { name, headers, id: "INSTALLATION_FORBIDDEN", missing: None, reads };
    let mut callers: Vec<Caller> = capabilities
        .iter()
        .map(|missing| {
            let others = capabilities.iter().filter(|held| *held != missing).cloned();
            // Limits to a VCS or an installation grant no capability.
            let others = others.chain([Capability::KvStoreSystemRead, Capability::InstallationId("12345".into())]);
            lacking("a capability is missing", token(service.user, others.collect()), missing.name())
        })
        .collect();
    let gitlab = [Capability::Vcs("gitlab".into())];
    match reach {
        Reach::Anywhere => {}
        Reach::Vcs => {
            callers.push(lacking("another VCS", token(service.user, with(&gitlab)), "vcs:github".into()));
        }
        Reach::Administrator => {
            let no_administrator =
                |name, authorization| Caller { id: "ADMINISTRATOR_REQUIRED", ..elsewhere(name, authorization, ROLE) };
            let limited = [Capability::InstallationId("12345".into())];
            let administrative = |user, held: &[Capability]| vec![bearer(&service.admin_token_of(user, held))];
            let plain = no_administrator("an administrator's token for other work", token(service.user, with(&[])));
            callers.extend([
                no_administrator("an ordinary user", administrative(ordinary(service).await, &[])),
                no_administrator("unknown user", administrative(unknown_user(), &[])),
                elsewhere("an administrator, limited", administrative(service.user, &limited), &[]),
                Caller { reads: &[], ..plain },
            ]);
        }
        Reach::Group => {
            let github = with(&[Capability::Vcs("github".into())]);
            let other = with(&[Capability::InstallationId("67890".into())]);
            callers.extend([
                elsewhere("another VCS", token(service.user, github), &[]),
                elsewhere("another group", token(service.user, other), &[]),
                lacking("no group named", token(service.user, with(&gitlab)), "installation_id:12345".into()),
            ]);
        }
        Reach::Installation | Reach::Named => {
            let installation = |id: &str| [Capability::InstallationId(id.into())];
            callers.extend([
                elsewhere("another VCS", token(service.user, with(&gitlab)), &[]),
                elsewhere("another installation", token(service.user, with(&installation("67890"))), &[]),
                elsewhere("no number", token(service.user, with(&installation("012345"))), &[]),
                elsewhere(
                    "member of nothing, with the limit",
                    token(unknown_user(), with(&installation("12345"))),
                    MEMBERSHIP,
                ),
            ]);
            callers.push(if reach == Reach::Named {
                let unnamed = with(&[Capability::Vcs("github".into())]);
                lacking("no installation named", token(service.user, unnamed), "installation_id:12345".into())
            } else {
                elsewhere("member of nothing", token(unknown_user(), with(&[])), MEMBERSHIP)
            });
        }
    }
    callers
}
