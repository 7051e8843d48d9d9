//! Responses with a secret must not be cached.

use std::collections::BTreeSet;

use http::header::AUTHORIZATION;
use terrapi::domain::Vcs;

use super::callers::Headers;
use super::request;
use super::routes::{Access, Reach, routes};
use crate::support::browser::Browser;
use crate::support::gitlab::Group;
use crate::support::{Reply, TestService};

/// The operations whose responses carry a secret, in the body or in a cookie.
const SECRETS: [&str; 9] = [
    "GET /api/github/v1/callback",
    "GET /api/v1/gitlab/installations/{id}/webhook",
    "GET /api/v1/{vcs}/login",
    "POST /api/v1/access-token/refresh",
    "POST /api/v1/logout",
    "POST /api/v1/{vcs}/access-token",
    "POST /api/v2/organizations/{organization_name}/authentication-token",
    "POST /api/v2/teams/{team_id}/authentication-token",
    "POST /api/v2/teams/{team_id}/authentication-tokens",
];

/// Whether a response contains an API key, an access token, a team token, a webhook's secret, or sets a cookie.
fn carries_a_secret(reply: &Reply) -> bool {
    let text = String::from_utf8_lossy(&reply.bytes);
    let json = reply.header("content-type").is_some_and(|media_type| media_type.contains("json"));
    let marks = ["\"tt_test_", "\"eyJ", ".atlasv1.", "\"webhook_secret\""];
    let shown = json && marks.iter().any(|mark| text.contains(mark));
    shown || reply.headers.contains_key("set-cookie")
}

#[tokio::test]
async fn responses_with_a_secret_carry_no_store() {
    let service = crate::support::provider_user::signed_in(Vcs::Gitlab).await;
    service.gitlab.lab(|lab| lab.groups.insert(12_345, Group::named("ops").with_member(77, 40)));
    let acme = service.acme().await;
    let mut found = BTreeSet::new();
    let mut check = |operation: String, reply: &Reply| {
        if carries_a_secret(reply) {
            assert_eq!(reply.header("cache-control"), Some("no-store"), "{operation}");
            found.insert(operation);
        }
    };
    // The API description contains made-up secrets as examples.
    for route in routes().into_iter().filter(|route| route.path != "/openapi.json") {
        let bearer = |token: &str| vec![(AUTHORIZATION, format!("Bearer {token}").parse().unwrap())];
        let headers: Headers = match route.access {
            Access::Open => vec![],
            Access::Key => bearer(&service.api_key(&[]).await),
            Access::Holder => bearer(&acme.organization_token),
            _ if route.path == "/api/v1/logout" => super::browser(&service.session_of(service.user).await),
            Access::Token(_, Reach::Administrator) => bearer(&service.admin_token(&[])),
            Access::Person | Access::Token(..) => bearer(&token(&service, &route)),
        };
        let body = route.body.as_ref().map(ToString::to_string);
        let reply = service.send(request(&route, &headers, body.as_deref())).await;
        check(format!("{} {}", route.method, route.path), &reply);
    }
    let mut browser = Browser::new(&service);
    let page = browser.begin(Vcs::Github, "").await;
    let back = browser.agree(&page, Vcs::Github, 583_231);
    check("GET /api/github/v1/callback".into(), &browser.get(&back).await);
    assert_eq!(found, SECRETS.map(str::to_owned).into());
}

fn token(service: &TestService, route: &super::routes::Route) -> String {
    match route.access {
        Access::Person => service.token(&[terrapi::domain::Capability::AccessTokenCreate]),
        _ => service.token(&route.capabilities()),
    }
}
