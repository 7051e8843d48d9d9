//! Published clients used with the API over HTTP.

use std::process::Stdio;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use terrapi::domain::Capability::AccessTokenCreate;
use terrapi::domain::rate::Limit;
use terrapi::runtime::RateLimits;
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};

use crate::support::TestService;
use crate::support::openapi;
use crate::support::organizations::{ACME, PLATFORM};
use crate::support::python::Client;
use crate::support::served::{Exchange, Served};
use crate::support::terraform::Terraform;

/// Runs a flow against a service. Returns the recorded exchanges.
async fn flow(service: &TestService, script: &str) -> Vec<Exchange> {
    let acme = service.acme().await;
    service.signed_in(service.user, "ada", 1).await;
    let served = Served::start(&service.gateway).await;
    let client = Client {
        base_url: &served.origin,
        organization: ACME,
        organization_token: &acme.organization_token,
        api_key: &service.api_key(&[AccessTokenCreate]).await,
        team_id: PLATFORM,
    };
    client.run(script).await;
    let exchanges = served.take();
    for exchange in &exchanges {
        hold(exchange);
    }
    exchanges
}

/// Asserts what clients depend on in an answer, whether or not this client does.
fn hold(exchange: &Exchange) {
    let (request, reply) = (&exchange.request, &exchange.reply);
    let path = request.uri.path();
    openapi::check(&request.method, path, reply);
    if !openapi::is_json_api(path) {
        return;
    }
    let place = format!("{} {path}: {}", request.method, reply.status);
    assert_eq!(reply.header("tfp-api-version"), Some("2.5"), "{place}");
    assert_eq!(reply.header("tfp-appname"), Some("HCP Terraform"), "{place}");
    if reply.status == StatusCode::NO_CONTENT {
        assert!(reply.bytes.is_empty() && !reply.headers.contains_key(CONTENT_TYPE), "{place}");
        return;
    }
    let discovery = path.starts_with("/.well-known/");
    let media_type = if discovery { "application/json" } else { "application/vnd.api+json" };
    assert_eq!(reply.header("content-type"), Some(media_type), "{place}");
    let body: Value = serde_json::from_slice(&openapi::unpacked(reply)).unwrap();
    instants(&body, &place);
    let created = reply.status == StatusCode::CREATED && path.contains("/authentication-token");
    assert_eq!(shows_a_secret(&body), created, "{place}");
}

/// Instants are in UTC with milliseconds, or `null`: some clients refuse a whole document for another form.
fn instants(value: &Value, place: &str) {
    let inner: Vec<_> = match value {
        Value::Object(members) => {
            for (name, value) in members.iter().filter(|(name, _)| name.ends_with("-at")) {
                let text = value.as_str().map(|text| text.replace(|digit: char| digit.is_ascii_digit(), "0"));
                let formed = text.map_or(value.is_null(), |text| text == "0000-00-00T00:00:00.000Z");
                assert!(formed, "{name} is {value}: {place}");
            }
            members.values().collect()
        }
        Value::Array(values) => values.iter().collect(),
        _ => return,
    };
    inner.into_iter().for_each(|value| instants(value, place));
}

/// Whether a body contains a token's secret.
fn shows_a_secret(body: &Value) -> bool {
    body.to_string().contains(".atlasv1.")
}

/// How many requests of a flow had this method, last path segment and status.
fn times(exchanges: &[Exchange], method: Method, last_segment: &str, status: u16) -> usize {
    let wanted = |exchange: &&Exchange| {
        exchange.request.method == method
            && exchange.request.uri.path().ends_with(last_segment)
            && exchange.reply.status == status
    };
    exchanges.iter().filter(wanted).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pytfe_manages_an_organization_s_teams_and_their_tokens() {
    let exchanges = flow(&TestService::new().await, "pytfe_flow.py").await;
    for exchange in &exchanges {
        let media_type = exchange.header("content-type");
        // The exchange of a token is no call of the client's.
        let expected = openapi::is_json_api(exchange.request.uri.path()).then_some("application/vnd.api+json");
        assert_eq!(media_type, expected, "with and without a body");
    }
    let plain = json!({"data": {"type": "authentication-token", "attributes": {}}});
    let zoneless =
        json!({"data": {"type": "authentication-token", "attributes": {"expired-at": "2099-01-31T09:05:07.123456"}}});
    for body in [plain, zoneless] {
        let sent = |exchange: &&Exchange| serde_json::from_slice(&exchange.sent).is_ok_and(|sent: Value| sent == body);
        let exchange = exchanges.iter().find(sent).unwrap();
        assert_eq!(exchange.reply.status, StatusCode::CREATED, "{body}");
    }
    for segment in ["/authentication-token", "/authentication-tokens"] {
        assert!(times(&exchanges, Method::POST, segment, 201) > 0, "{segment}");
    }
    assert!(times(&exchanges, Method::POST, "/authentication-tokens", 422) > 0, "a description is taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terrasnek_manages_an_organization_s_teams_and_their_tokens() {
    let exchanges = flow(&TestService::new().await, "terrasnek_flow.py").await;
    let deletions: Vec<_> = exchanges.iter().filter(|exchange| exchange.request.method == Method::DELETE).collect();
    assert!(deletions.iter().all(|exchange| exchange.sent == "null"), "it sends JSON with whatever it deletes");
    assert!(deletions.iter().any(|exchange| exchange.reply.status == StatusCode::NO_CONTENT));
    let own = |exchange: &&Exchange| openapi::is_json_api(exchange.request.uri.path());
    assert!(exchanges.iter().filter(own).all(|exchange| exchange.header("accept") == Some("*/*")));
    assert!(times(&exchanges, Method::GET, "/.well-known/terraform.json", 200) > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rate_limited_client_succeeds_after_waiting() {
    let patience = Duration::from_secs(10);
    let rates = RateLimits { principals: Limit::per_second(5, 10), patience, ..RateLimits::default() };
    let service = TestService::limited(rates).await;
    let clock = service.clock.clone();
    let passing = tokio::spawn(async move {
        let mut last = Instant::now();
        loop {
            sleep(Duration::from_millis(5)).await;
            let passed = i64::try_from(last.elapsed().as_millis()).unwrap();
            last += Duration::from_millis(passed.unsigned_abs());
            clock.advance_ms(passed);
        }
    });
    let exchanges = flow(&service, "rate_limit_flow.py").await;
    passing.abort();
    let refused = exchanges.iter().filter(|exchange| exchange.reply.status == StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.count() > 0);
    for exchange in &exchanges {
        assert!(exchange.reply.header("x-ratelimit-reset").is_some(), "{}", exchange.request.uri);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn go_tfe_manages_an_organization_s_teams_members_and_tokens() {
    if Command::new("go").arg("version").output().await.is_err() {
        println!("skipped: go-tfe needs go, which is not installed");
        return;
    }
    let service = TestService::new().await;
    let acme = service.acme().await;
    service.signed_in(service.user, "ada", 1).await;
    let served = Served::start(&service.gateway).await;
    let run = Command::new("go")
        .args(["run", "."])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/clients/go_tfe"))
        .env("TERRAPI_URL", &served.origin)
        .env("TERRAPI_ORGANIZATION", ACME)
        .env("TERRAPI_ORGANIZATION_TOKEN", &acme.organization_token)
        .env("NO_PROXY", "127.0.0.1")
        .env("no_proxy", "127.0.0.1")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(Duration::from_secs(300), run).await.expect("the flow does not end").unwrap();
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{error}");
    let exchanges = served.take();
    assert!(times(&exchanges, Method::DELETE, "/relationships/organization-memberships", 204) > 0);
    exchanges.iter().for_each(hold);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terraform_signs_in_and_says_that_no_state_is_kept_here() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let served = Served::start(&service.gateway).await;
    Terraform { origin: &served.origin, organization: ACME, token: &acme.organization_token }.run().await;
    served.take().iter().for_each(hold);
}
