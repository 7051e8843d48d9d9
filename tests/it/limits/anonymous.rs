//! Rate limits per client address, for requests without a valid credential.

use http::Method;
use terrapi::auth::{ApiKey, KeyEnvironment, Secret};
use terrapi::domain::Vcs;
use terrapi::domain::rate::Limit;
use terrapi::runtime::RateLimits;

use super::{from, leases, probe, some_key, without_limits};
use crate::support::browser::Browser;
use crate::support::service::{request, send_to};
use crate::support::{TestService, forge};

const REFRESH: &str = "/api/v1/access-token/refresh";

fn anonymous(rate: u32, burst: u32) -> RateLimits {
    RateLimits { anonymous: Limit::per_second(rate, burst), ..without_limits() }
}

/// Sends a request with an invalid credential. Returns the status.
async fn send_invalid(service: &TestService, address: &str, credential: &str) -> u16 {
    let request = request(Method::GET, "/api/v1/whoami", credential, None);
    service.send(from(address, request)).await.status.as_u16()
}

#[tokio::test]
async fn only_the_address_over_its_limit_is_refused() {
    let service = TestService::limited(anonymous(1, 40)).await;
    for (count, credential) in ["", "garbage", "tt_live_0", "a.b.c"].iter().cycle().take(40).enumerate() {
        assert_eq!(send_invalid(&service, "192.0.2.1", credential).await, 403, "{count}");
    }
    let more = async {
        for credential in ["", "garbage", "tt_live_0"] {
            let request = request(Method::GET, "/api/v1/whoami", credential, None);
            let reply = service.send(from("192.0.2.1", request)).await;
            assert_eq!(reply.failed(429), "RATE_LIMITED");
            assert!(reply.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
            assert_eq!(reply.header("ratelimit-remaining"), Some("0"));
        }
    };
    let ((), calls) = service.faulty.ledger().during(more).await;
    assert_eq!(calls, []);
    assert_eq!(send_invalid(&service, "192.0.2.2", "garbage").await, 403);
    let good = probe(&service.gateway, &service.token(&[])).await;
    assert_ne!(good.status, 429, "a good token from the same address");
    service.clock.advance_ms(60_000);
    assert_eq!(send_invalid(&service, "192.0.2.1", "").await, 403);
}

#[tokio::test]
async fn refused_address_costs_no_read() {
    let service = TestService::limited(anonymous(1, 10)).await;
    for _ in 0..10 {
        assert_eq!(send_invalid(&service, "192.0.2.1", "garbage").await, 403);
    }
    let unknown = ApiKey { id: some_key(), secret: Secret::new([7; 32]) }.reveal(KeyEnvironment::Test);
    let forged = forge::Forge::unknown().token(&forge::claims(service.user, &[]));
    let knocks = async {
        let reply = service.call(Method::POST, REFRESH, &unknown, None).await;
        assert_eq!(reply.failed(429), "RATE_LIMITED");
        assert_eq!(send_invalid(&service, "192.0.2.1", &forged).await, 429);
    };
    let ((), calls) = service.faulty.ledger().during(knocks).await;
    assert_eq!(calls, []);
}

#[tokio::test]
async fn verified_key_is_exchanged_from_a_refused_address() {
    let service = TestService::limited(anonymous(1, 10)).await;
    let (proven, other) = (service.api_key(&[]).await, service.api_key(&[]).await);
    service.call(Method::POST, REFRESH, &proven, None).await.ok();
    for _ in 0..11 {
        send_invalid(&service, "192.0.2.1", "garbage").await;
    }
    service.call(Method::POST, REFRESH, &proven, None).await.ok();
    assert_eq!(service.call(Method::POST, REFRESH, &other, None).await.failed(429), "RATE_LIMITED");
    let elsewhere = from("198.51.100.7", request(Method::POST, REFRESH, &other, None));
    service.send(elsewhere).await.ok();
}

#[tokio::test]
async fn ipv6_network_has_one_budget() {
    let service = TestService::limited(anonymous(1, 10)).await;
    for host in 1..=10 {
        assert_eq!(send_invalid(&service, &format!("2001:db8:1:2::{host:x}"), "garbage").await, 403);
    }
    assert_eq!(send_invalid(&service, "2001:db8:1:2:ffff::1", "garbage").await, 429);
    assert_eq!(send_invalid(&service, "2001:db8:1:3::1", "garbage").await, 403);
}

#[tokio::test]
async fn forged_forwarded_address_is_ignored() {
    let service = TestService::limited(anonymous(1, 10)).await;
    let mut refused = 0;
    for claimed in 0..20 {
        let mut request = request(Method::GET, "/api/v1/whoami", "garbage", None);
        request.headers_mut().insert("x-forwarded-for", format!("198.51.100.{claimed}").parse().unwrap());
        refused += u32::from(service.send(request).await.status == 429);
    }
    assert_eq!(refused, 10);
}

#[tokio::test]
async fn two_sandboxes_share_the_budget_of_an_address() {
    let service = TestService::limited(anonymous(1, 40)).await;
    let other = service.sandbox();
    let mut passed = 0;
    for _ in 0..40 {
        for gateway in [&service.gateway, &other] {
            let reply = send_to(gateway, request(Method::GET, "/api/v1/whoami", "garbage", None)).await;
            passed += u32::from(reply.status == 403);
        }
    }
    // Each sandbox may still have to report a batch of twenty.
    assert!((40..=80).contains(&passed), "{passed}");
}

#[tokio::test]
async fn sign_ins_from_an_address_are_limited() {
    let service = TestService::limited(anonymous(5, 50)).await;
    let begin = |address| from(address, request(Method::GET, "/api/v1/github/login", "", None));
    let within = async {
        for _ in 0..50 {
            let reply = service.send(begin("192.0.2.1")).await;
            assert_eq!((reply.status.as_u16(), reply.header("ratelimit-limit")), (302, Some("50")));
        }
    };
    let ((), calls) = service.faulty.ledger().during(within).await;
    assert!(leases(&calls) <= 10, "{} rate limit calls", leases(&calls));
    assert_eq!(calls.len() - leases(&calls), 50, "and one row each");
    let over = async {
        let reply = service.send(begin("192.0.2.1")).await;
        assert_eq!(reply.failed(429), "RATE_LIMITED");
        assert!(reply.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
        assert_eq!(reply.header("set-cookie"), None);
    };
    let ((), calls) = service.faulty.ledger().during(over).await;
    assert_eq!(calls, []);
    assert_eq!(service.send(begin("192.0.2.2")).await.status, 302);
}

#[tokio::test]
async fn limited_callback_can_be_retried_and_signs_in() {
    let service = TestService::limited(anonymous(1, 10)).await;
    let mut browser = Browser::new(&service);
    let page = browser.begin(Vcs::Github, "").await;
    let back = browser.agree(&page, Vcs::Github, 583_231);
    for state in 0..20 {
        let url = format!("/api/github/v1/callback?code=a&state={state}");
        service.send(from("192.0.2.1", request(Method::GET, &url, "", None))).await;
    }
    assert_eq!(browser.get(&back).await.failed(429), "RATE_LIMITED");
    service.clock.advance_ms(10_000);
    assert_eq!(browser.get(&back).await.status, 303);
}
