//! Every route × every caller who must be refused: the refusal, and its cost in storage calls.

mod callers;
mod holders;
mod routes;
mod secret_answers;

use std::collections::BTreeSet;

use axum::body::Body;
use axum::extract::Request;
use http::header::{AUTHORIZATION, HeaderName};
use http::{HeaderValue, Method};
use serde_json::{Value, json};
use terrapi::domain::{Capability, KeyId, UserId};
use terrapi::http::document;
use terrapi::runtime::{Clock, Random};

use self::callers::{Caller, Headers, browser, browsers, unauthenticated, unauthorized};
use self::routes::{Access, Reach, Route, routes};
use crate::support::faulty::Call;
use crate::support::service::{self, KV};
use crate::support::{Reply, TestService};

/// The method of every operation with an example URL.
pub fn every_route() -> Vec<(Method, String)> {
    routes().into_iter().map(|route| (route.method, route.url)).collect()
}

fn request(route: &Route, headers: &[(HeaderName, HeaderValue)], body: Option<&str>) -> Request {
    let mut request = Request::builder().method(route.method.clone()).uri(&route.url).header("host", "api.test");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request.body(body.map_or_else(Body::empty, |body| Body::from(body.to_owned()))).unwrap()
}

/// Describes a storage call by its table's role and its kinds of keys: `GetItem identity user# member#`.
fn described(service: &TestService, call: &Call) -> String {
    let tables = &service.backend.tables;
    let roles = [(&tables.identity, "identity"), (&tables.kv, "kv"), (&tables.operations, "operations")];
    let (_, role) = roles.into_iter().find(|(name, _)| **name == call.table).unwrap();
    let kind = |value: &Value| {
        let text = value["S"].as_str().unwrap_or_default();
        text.split_inclusive('#').next().unwrap_or_default().to_owned()
    };
    let keys = [("Key", "pk"), ("Key", "sk"), ("Item", "pk"), ("ExpressionAttributeValues", ":pk")];
    let keys = keys.map(|(place, name)| kind(&call.request[place][name]));
    format!("{} {role} {}", call.operation, keys.join(" ").trim()).trim().to_owned()
}

fn assert_refused(reply: &Reply, caller: &Caller, place: &str) {
    assert_eq!(reply.failed(403), caller.id, "{place}");
    let challenge = match (caller.id, &caller.missing) {
        ("INSUFFICIENT_SCOPE", Some(scope)) => Some(format!(r#"Bearer error="insufficient_scope", scope="{scope}""#)),
        ("INSTALLATION_FORBIDDEN" | "CROSS_ORIGIN" | "ADMINISTRATOR_REQUIRED", _) => None,
        _ => Some(r#"Bearer error="invalid_token""#.to_owned()),
    };
    assert_eq!(reply.header("www-authenticate"), challenge.as_deref(), "{place}");
    let expected = match &caller.missing {
        Some(missing) => json!({"id": caller.id, "data": missing}),
        None => json!({"id": caller.id}),
    };
    assert_eq!(reply.json(), expected, "{place}");
}

#[test]
fn every_operation_is_in_the_authorization_table() {
    let ours: BTreeSet<_> = routes().iter().map(|route| (route.path.to_owned(), route.method.to_string())).collect();
    let mut described = BTreeSet::new();
    for (_, function) in service::routes(&service::signer()) {
        let document = serde_json::to_value(document(function)).unwrap();
        for (path, item) in document["paths"].as_object().unwrap() {
            let methods = item.as_object().unwrap().keys();
            described.extend(methods.map(|method| (path.clone(), method.to_uppercase())));
        }
    }
    assert_eq!(ours, described);
}

#[test]
fn document_requires_the_credentials_of_the_table() {
    for route in routes() {
        let operation =
            &crate::support::openapi::published().document["paths"][route.path][route.method.as_str().to_lowercase()];
        let expected = match route.access {
            Access::Open => Value::Null,
            Access::Key => json!([{"bearer": []}]),
            Access::Holder | Access::Person | Access::Token(..) => json!([{"bearer": []}, {"session": []}]),
        };
        assert_eq!(operation["security"], expected, "{} {}", route.method, route.path);
    }
}

#[tokio::test]
async fn every_route_refuses_other_callers_without_reading_data() {
    let service = TestService::new().await;
    let (mut refusals, mut key_lookups) = (0, 0);
    for route in routes().iter().filter(|route| matches!(route.access, Access::Token(..))) {
        let mut callers = unauthenticated(&service, route).await;
        callers.extend(browsers(&service, route).await);
        callers.extend(unauthorized(&service, route).await);
        for caller in callers {
            let place = format!("{} {}: {}", route.method, route.url, caller.name);
            // A bad body tells nobody anything before the credential was judged.
            for body in [route.body.as_ref().map(Value::to_string), Some("{".to_owned())] {
                let send = service.send(request(route, &caller.headers, body.as_deref()));
                let (reply, calls) = service.faulty.ledger().during(send).await;
                assert_refused(&reply, &caller, &place);
                let calls: Vec<_> = calls.iter().map(|call| described(&service, call)).collect();
                let unexpected = calls.iter().find(|call| !caller.reads.contains(&call.as_str()));
                assert_eq!(unexpected, None, "{place}");
                key_lookups += calls.iter().filter(|call| call.contains("public-keys")).count();
                refusals += 1;
            }
        }
    }
    assert_eq!(service.blobs.count(), 0);
    assert_eq!(key_lookups, 1, "an unknown key may cost a read every ten seconds, and the clock stands still");
    assert!(refusals > 500, "{refusals}");
}

#[tokio::test]
async fn every_route_accepts_its_own_callers() {
    for signed_in in [false, true] {
        answer_every_route(&TestService::new().await, signed_in).await;
    }
}

/// Sends each route what the caller it is for would send: with a token, or with a session whose last use was hours ago.
pub async fn answer_every_route(service: &TestService, signed_in: bool) {
    let acme = service.acme().await;
    let hours_ago = service.clock.now().seconds().plus(-7_200);
    for route in routes() {
        let bearer = |token| vec![(AUTHORIZATION, HeaderValue::from_str(&format!("bearer {token}")).unwrap())];
        let session = async || browser(&service.session_from(service.user, hours_ago, hours_ago).await);
        let headers: Headers = match route.access {
            Access::Open => vec![],
            Access::Key => bearer(service.api_key(&[]).await),
            Access::Holder | Access::Person | Access::Token(..) if signed_in => session().await,
            Access::Holder => bearer(acme.organization_token.clone()),
            Access::Person => bearer(service.token(&[Capability::AccessTokenCreate])),
            Access::Token(_, Reach::Administrator) => bearer(service.admin_token(&[])),
            Access::Token(..) => bearer(service.token(&route.capabilities())),
        };
        let body = route.body.as_ref().map(Value::to_string);
        let reply = service.send(request(&route, &headers, body.as_deref())).await;
        assert!(
            matches!(reply.status.as_u16(), 200 | 201 | 204 | 302 | 401 | 404),
            "{} {}: {reply:?}",
            route.method,
            route.url
        );
    }
    service.app.background.settle().await;
}

#[tokio::test]
async fn exchange_refuses_everything_but_a_valid_api_key() {
    let service = TestService::new().await;
    let route = routes().into_iter().find(|route| route.access == Access::Key).unwrap();
    let good = service.api_key(&[Capability::KvStoreRead]).await;
    let of_id = |id| terrapi::auth::ApiKey { id, secret: terrapi::auth::Secret::new([7; 32]) };
    let test = terrapi::auth::KeyEnvironment::Test;
    let other_digit = if good.ends_with('0') { '1' } else { '0' };
    let known = terrapi::auth::ApiKey::parse(&good).unwrap().id;
    let row = &["GetItem identity key# key"][..];
    let audited = &["GetItem identity key# key", "PutItem identity audit#"][..];
    let unknown = KeyId::new(Random::default().id().unwrap());
    let credentials = [
        ("no key", None, &[][..]),
        ("garbage", Some("garbage".to_owned()), &[]),
        ("an access token", Some(service.token(&[Capability::KvStoreRead])), &[]),
        ("a wrong checksum", Some(format!("{}{other_digit}", &good[..good.len() - 1])), &[]),
        ("another prefix", Some(good.replace("tt_test_", "tt_prod_")), &[]),
        ("an unknown id", Some(of_id(unknown).reveal(test)), row),
        ("a wrong secret", Some(of_id(known).reveal(test)), audited),
    ];
    for (name, credential, allowed) in credentials {
        let value = |key| HeaderValue::from_str(&format!("Bearer {key}")).unwrap();
        let headers = credential.iter().map(|key| (AUTHORIZATION, value(key))).collect();
        let caller = Caller { name, headers, id: "INVALID_TOKEN", missing: None, reads: allowed };
        for body in [None, Some("{"), Some(r#"{"capabilities": ["kv_store_read"]}"#)] {
            let work = async {
                let reply = service.send(request(&route, &caller.headers, body)).await;
                service.app.background.settle().await;
                reply
            };
            let (reply, calls) = service.faulty.ledger().during(work).await;
            assert_refused(&reply, &caller, name);
            let calls: Vec<_> = calls.iter().map(|call| described(&service, call)).collect();
            assert_eq!(calls, caller.reads, "{name}");
        }
    }
}

#[tokio::test]
async fn non_member_cannot_tell_what_exists() {
    let service = TestService::new().await;
    service.put(&format!("{KV}/key/there"), &service.kv_token(), json!({"data": "secret"})).await.ok();
    let stranger = UserId::new(Random::default().id().unwrap());
    let token = service.token_of(stranger, &[Capability::KvStoreRead, Capability::KvStoreWrite]);
    for path in ["key", "count/key", "size/key", "iter"] {
        let there = service.get(&format!("{KV}/{path}/there"), &token).await;
        let absent = service.get(&format!("{KV}/{path}/absent"), &token).await;
        let nowhere = service.get(&format!("/api/v1/github/kv/999/{path}/there"), &token).await;
        assert_eq!(there.failed(403), "INSTALLATION_FORBIDDEN");
        assert!(there.bytes == absent.bytes && there.bytes == nowhere.bytes, "{path}");
    }
    // The same number on another system is another installation.
    let elsewhere = service.get("/api/v1/gitlab/kv/12345/key/there", &service.kv_token()).await;
    assert_eq!(elsewhere.failed(403), "INSTALLATION_FORBIDDEN");
}

#[tokio::test]
async fn key_of_another_user_is_not_found() {
    let service = TestService::new().await;
    let owner = service.token(&[Capability::AccessTokenCreate]);
    let created =
        service.post("/api/v1/github/access-token", &owner, json!({"name": "a", "capabilities": []})).await.ok();
    let (theirs, none) = (created["id"].as_str().unwrap(), "0190a5d0-ac96-774b-bcce-b302099a8057");
    let stranger = service.token_of(UserId::new(Random::default().id().unwrap()), &[Capability::AccessTokenCreate]);
    assert_eq!(service.get("/api/v1/github/access-token", &stranger).await.ok(), json!({"results": []}));
    for (method, path) in [(Method::DELETE, "?id={}"), (Method::GET, "/{}/audit")] {
        let url = |id: &str| format!("/api/v1/github/access-token{}", path.replace("{}", id));
        let there = service.call(method.clone(), &url(theirs), &stranger, None).await;
        let absent = service.call(method.clone(), &url(none), &stranger, None).await;
        assert_eq!(there.failed(404), "NOT_FOUND");
        assert_eq!(there.bytes, absent.bytes, "{method} {path}");
    }
    // Nor is it there on the other system.
    let gitlab = service.delete(&format!("/api/v1/gitlab/access-token?id={theirs}"), &owner).await;
    assert_eq!(gitlab.failed(404), "NOT_FOUND");
}
