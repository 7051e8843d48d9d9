//! Rate limits of one sandbox, on a clock that the test advances.

use http::Method;
use serde_json::json;
use terrapi::auth::ApiKey;
use terrapi::domain::Capability::{KvStoreRead, KvStoreWrite};

use super::{callers, leases, passed, probe, record, some_key, token_of};
use crate::support::service::request;
use crate::support::{Reply, TestService};

/// The headers `RateLimit-Limit`, `-Remaining` and `-Reset`; either all or none must be present.
fn fields(reply: &Reply) -> Option<(i64, i64, i64)> {
    let of = |name: &str| reply.header(name).map(|figure| figure.parse::<i64>().unwrap());
    match (of("ratelimit-limit"), of("ratelimit-remaining"), of("ratelimit-reset")) {
        (Some(limit), Some(remaining), Some(reset)) => Some((limit, remaining, reset)),
        (None, None, None) => None,
        some => panic!("{some:?}"),
    }
}

#[tokio::test]
async fn request_after_a_burst_is_429_with_retry_after() {
    let service = TestService::limited(callers(50, 100)).await;
    let token = token_of(&service, some_key());
    for sent in 1..=100 {
        let reply = probe(&service.gateway, &token).await;
        assert_ne!(reply.status, 429, "request {sent}");
        assert_eq!(fields(&reply), Some((100, 100 - sent, (sent + 49) / 50)));
    }
    let refused = probe(&service.gateway, &token).await;
    assert_eq!(refused.failed(429), "RATE_LIMITED");
    assert_eq!(refused.json(), json!({"id": "RATE_LIMITED"}));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(fields(&refused), Some((100, 0, 2)));
    assert_eq!(refused.header("www-authenticate"), None);
    service.clock.advance_ms(1_000);
    let again = passed(&service.gateway, &token, 200).await;
    assert_eq!(again, 50, "the refill of one second");
}

#[tokio::test]
async fn sustained_rate_passes_in_the_long_run() {
    let service = TestService::limited(callers(50, 100)).await;
    let key = some_key();
    passed(&service.gateway, &token_of(&service, key), 110).await;
    let mut later = 0;
    for _ in 0..100 {
        service.clock.advance_ms(100);
        later += passed(&service.gateway, &token_of(&service, key), 10).await;
    }
    assert!((450..=500).contains(&later), "{later} passed in ten seconds at 50 a second");
}

#[tokio::test]
async fn tokens_and_exchanges_of_a_key_share_one_budget() {
    let service = TestService::limited(callers(5, 10)).await;
    let key = service.api_key(&[KvStoreRead, KvStoreWrite]).await;
    let id = ApiKey::parse(&key).unwrap().id;
    let refresh = "/api/v1/access-token/refresh";
    let exchanged = service.call(Method::POST, refresh, &key, None).await;
    assert_eq!(fields(&exchanged), Some((10, 9, 1)));
    let first = exchanged.ok()["token"].as_str().unwrap().to_owned();
    assert_eq!(passed(&service.gateway, &first, 4).await, 4);
    assert_eq!(passed(&service.gateway, &token_of(&service, id), 9).await, 5);
    let refused = service.call(Method::POST, refresh, &key, None).await;
    assert_eq!(refused.failed(429), "RATE_LIMITED");
    assert_eq!(passed(&service.gateway, &token_of(&service, some_key()), 10).await, 10);
    let other = service.api_key(&[]).await;
    service.call(Method::POST, refresh, &other, None).await.ok();
    service.clock.advance_ms(2_000);
    service.call(Method::POST, refresh, &key, None).await.ok();
}

#[tokio::test]
async fn refused_request_reads_and_changes_nothing() {
    let service = TestService::limited(callers(50, 100)).await;
    let token = token_of(&service, some_key());
    passed(&service.gateway, &token, 100).await;
    let requests = async {
        for _ in 0..50 {
            let reply = service.put(&record(), &token, json!({"data": 1})).await;
            assert_eq!(reply.failed(429), "RATE_LIMITED");
        }
    };
    let ((), calls) = service.faulty.ledger().during(requests).await;
    assert_eq!(calls, []);
    assert_eq!(service.get(&record(), &service.kv_token()).await.failed(404), "NOT_FOUND");
}

#[tokio::test]
async fn thousand_reads_cost_at_most_fifty_rate_limit_calls() {
    let service = TestService::limited(callers(1_000, 2_000)).await;
    let token = token_of(&service, some_key());
    service.put(&record(), &token, json!({"data": 1})).await.ok();
    let reads = async {
        for _ in 0..1_000 {
            service.get(&record(), &token).await.ok();
            service.clock.advance_ms(20);
        }
    };
    let ((), calls) = service.faulty.ledger().during(reads).await;
    let leases = leases(&calls);
    assert!((1..=50).contains(&leases), "{leases}");
    assert_eq!(calls.len(), 1_000 + leases);
}

#[tokio::test]
async fn slow_caller_costs_no_rate_limit_call() {
    let service = TestService::limited(callers(50, 100)).await;
    let token = token_of(&service, some_key());
    let requests = async { passed(&service.gateway, &token, 10).await };
    let (passed, calls) = service.faulty.ledger().during(requests).await;
    assert_eq!((passed, calls), (10, vec![]));
}

#[tokio::test]
async fn public_routes_carry_no_rate_limit_headers() {
    let service = TestService::limited(callers(1, 1)).await;
    for path in ["/health", "/docs", "/openapi.json", "/.well-known/jwks.json", "/api/v1/server/config", "/nowhere"] {
        for _ in 0..3 {
            let reply = service.call(Method::GET, path, "", None).await;
            assert_ne!(reply.status, 429, "{path}");
            assert_eq!(fields(&reply), None, "{path}");
        }
    }
}

#[tokio::test]
async fn clock_set_back_does_not_block_callers() {
    let service = TestService::limited(callers(50, 100)).await;
    let key = some_key();
    assert_eq!(passed(&service.gateway, &token_of(&service, key), 120).await, 100);
    service.clock.advance_ms(-3_600_000);
    let after = passed(&service.gateway, &token_of(&service, key), 200).await;
    assert!(after <= 100, "{after}");
    service.clock.advance_ms(4_000);
    assert!(passed(&service.gateway, &token_of(&service, key), 10).await == 10);
}

#[tokio::test]
async fn each_session_has_a_budget_and_is_refused_before_it_is_read() {
    let service = TestService::limited(callers(5, 10)).await;
    let cookies = [service.session_of(service.user).await, service.session_of(service.user).await];
    let visit = async |cookie: &str| {
        let mut request = request(Method::GET, "/api/v1/whoami", "", None);
        request.headers_mut().insert("cookie", cookie.parse().unwrap());
        service.send(request).await
    };
    for _ in 0..10 {
        visit(&cookies[0]).await.ok();
    }
    service.app.background.settle().await;
    let refused = async { visit(&cookies[0]).await.failed(429) };
    let (id, calls) = service.faulty.ledger().during(refused).await;
    assert_eq!((id.as_str(), calls), ("RATE_LIMITED", vec![]));
    assert_eq!(fields(&visit(&cookies[1]).await), Some((10, 9, 1)));
}
