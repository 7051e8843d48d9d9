//! Callers who must be refused, for one route that needs a token.

use http::HeaderValue;
use serde_json::json;
use terrapi::domain::{Capability, UserId};
use terrapi::runtime::Random;

use super::routes::{Access, Reach, Route};
use crate::support::World;
use crate::support::forge::{Forge, claims};

/// A caller, and the refusal that is due.
pub struct Caller {
    pub name: &'static str,
    /// The values of `Authorization`.
    pub authorization: Vec<HeaderValue>,
    pub id: &'static str,
    /// `data`, and `scope` of the challenge.
    pub missing: Option<String>,
    /// The storage calls that the refusal may cost.
    pub reads: &'static [&'static str],
}

/// A look at the published keys, for a `kid` that is not held.
const KEY_LOOKUP: &[&str] = &["Query identity public-keys"];
/// A look at a membership.
const MEMBERSHIP: &[&str] = &["GetItem identity user# member#"];

fn bearer(token: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("Bearer {token}")).unwrap()
}

fn stranger() -> UserId {
    UserId::new(Random::default().id().unwrap())
}

/// Callers without a valid token.
pub async fn unauthenticated(world: &World, route: &Route) -> Vec<Caller> {
    let capabilities = route.capabilities();
    let (trusted, unknown) = (Forge::trusted(), Forge::stranger());
    let good = claims(world.user, capabilities);
    let expired = {
        let mut claims = good.clone();
        let now = claims["iat"].as_i64().unwrap();
        (claims["iat"], claims["exp"]) = (json!(now - 66), json!(now - 6));
        trusted.token(&claims)
    };
    let our_kid = unknown.sign(&trusted.header().to_string(), &good.to_string());
    let plain = |name, authorization: Vec<HeaderValue>| Caller {
        name,
        authorization,
        id: "INVALID_TOKEN",
        missing: None,
        reads: &[],
    };
    let token = world.token(capabilities);
    vec![
        plain("no token", vec![]),
        plain("an empty token", vec![HeaderValue::from_static("Bearer ")]),
        plain("garbage", vec![bearer("garbage")]),
        plain("bytes that are no text", vec![HeaderValue::from_bytes(b"Bearer \xff").unwrap()]),
        plain("another scheme", vec![HeaderValue::from_str(&format!("Basic {token}")).unwrap()]),
        plain("two tokens", vec![bearer(&token), bearer(&token)]),
        plain("an expired token", vec![bearer(&expired)]),
        plain("our kid, another key", vec![bearer(&our_kid)]),
        Caller { reads: KEY_LOOKUP, ..plain("an unknown key", vec![bearer(&unknown.token(&good))]) },
        Caller { id: "API_KEY_NOT_ACCEPTED", ..plain("an API key", vec![bearer(&world.api_key(capabilities).await)]) },
        Caller { id: "API_KEY_NOT_ACCEPTED", ..plain("a broken API key", vec![bearer("tt_live_0")]) },
    ]
}

/// Callers whose token is good and does not open the route.
pub fn unauthorized(world: &World, route: &Route) -> Vec<Caller> {
    let Access::Token(capabilities, reach) = route.access else { return Vec::new() };
    let token = |user, capabilities: Vec<Capability>| vec![bearer(&world.token_of(user, &capabilities))];
    let with = |extra: &[Capability]| [capabilities, extra].concat();
    let lacking = |name, authorization, missing: String| Caller {
        name,
        authorization,
        id: "INSUFFICIENT_SCOPE",
        missing: Some(missing),
        reads: &[],
    };
    let elsewhere =
        |name, authorization, reads| Caller { name, authorization, id: "INSTALLATION_FORBIDDEN", missing: None, reads };
    let mut callers: Vec<Caller> = capabilities
        .iter()
        .map(|missing| {
            let others = capabilities.iter().filter(|held| *held != missing).cloned();
            // Marks and limits stand for no capability.
            let others = others.chain([Capability::KvStoreSystemRead, Capability::InstallationId("12345".into())]);
            lacking("a capability is missing", token(world.user, others.collect()), missing.name())
        })
        .collect();
    let gitlab = [Capability::Vcs("gitlab".into())];
    match reach {
        Reach::Anywhere => {}
        Reach::Vcs => {
            callers.push(lacking("another VCS", token(world.user, with(&gitlab)), "vcs:github".into()));
        }
        Reach::Installation => {
            let installation = |id: &str| [Capability::InstallationId(id.into())];
            callers.extend([
                elsewhere("another VCS", token(world.user, with(&gitlab)), &[]),
                elsewhere("another installation", token(world.user, with(&installation("67890"))), &[]),
                elsewhere("no number", token(world.user, with(&installation("012345"))), &[]),
                elsewhere("member of nothing", token(stranger(), with(&[])), MEMBERSHIP),
                elsewhere(
                    "member of nothing, with the limit",
                    token(stranger(), with(&installation("12345"))),
                    MEMBERSHIP,
                ),
            ]);
        }
    }
    callers
}
