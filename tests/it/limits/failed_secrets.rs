//! Limits on wrong secrets for a known key.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use http::Method;
use terrapi::auth::{ApiKey, KeyEnvironment, Secret, TeamSecret};
use terrapi::domain::organization::TeamTokenId;
use terrapi::domain::rate::{Limit, Network, RateLimitKey};
use terrapi::domain::{KeyId, Millis};
use terrapi::runtime::{Clock, Random, RateLimits};

use super::{from, is_lease, some_key, without_limits};
use crate::support::faulty::Refusal;
use crate::support::service::{START, request, send_to};
use crate::support::{Reply, TestService, routes::Gateway};

const REFRESH: &str = "/api/v1/access-token/refresh";

fn ten() -> RateLimits {
    RateLimits { failed_secrets: Limit::in_a_minute(10), ..without_limits() }
}

fn wrong(key: KeyId) -> String {
    ApiKey { id: key, secret: Secret::new([7; 32]) }.reveal(KeyEnvironment::Test)
}

async fn exchange(gateway: &Gateway, address: &str, key: &str) -> Reply {
    send_to(gateway, from(address, request(Method::POST, REFRESH, key, None))).await
}

#[tokio::test]
async fn ten_wrong_secrets_block_only_their_network_and_key() {
    let service = TestService::limited(ten()).await;
    let (right, other) = (service.api_key(&[]).await, service.api_key(&[]).await);
    let wrong = wrong(ApiKey::parse(&right).unwrap().id);
    for guess in 1..=10 {
        assert_eq!(exchange(&service.gateway, "192.0.2.1", &wrong).await.status, 403, "guess {guess}");
        exchange(&service.gateway, "198.51.100.7", &right).await.ok();
    }
    service.app.background.settle().await;
    let refused = async {
        for key in [&wrong, &right] {
            let reply = exchange(&service.gateway, "192.0.2.1", key).await;
            assert_eq!((reply.failed(429).as_str(), reply.header("retry-after")), ("RATE_LIMITED", Some("60")));
        }
    };
    let ((), calls) = service.faulty.ledger().during(refused).await;
    assert_eq!(calls, []);
    exchange(&service.gateway, "198.51.100.7", &right).await.ok();
    exchange(&service.gateway, "192.0.2.1", &other).await.ok();
    service.clock.advance_ms(60_000);
    exchange(&service.gateway, "192.0.2.1", &right).await.ok();
}

#[tokio::test]
async fn unknown_key_is_answered_like_a_wrong_secret() {
    let service = TestService::limited(ten()).await;
    let known = ApiKey::parse(&service.api_key(&[]).await).unwrap().id;
    for _ in 0..12 {
        let replies = [
            exchange(&service.gateway, "192.0.2.1", &wrong(known)).await,
            exchange(&service.gateway, "192.0.2.1", &wrong(some_key())).await,
        ];
        assert!(replies[0].status == 403 || replies[0].status == 429);
        assert_eq!(replies[1].status, 403, "another id each time");
    }
    let unknown = wrong(some_key());
    for guess in 1..=12 {
        let status = exchange(&service.gateway, "192.0.2.1", &unknown).await.status;
        assert_eq!(status == 429, guess > 10, "guess {guess}");
    }
}

#[tokio::test]
async fn guesses_at_two_sandboxes_share_one_count() {
    let service = TestService::limited(ten()).await;
    let other = service.sandbox();
    let wrong = wrong(ApiKey::parse(&service.api_key(&[]).await).unwrap().id);
    let mut checked = 0;
    for _ in 0..10 {
        for gateway in [&service.gateway, &other] {
            checked += u32::from(exchange(gateway, "192.0.2.1", &wrong).await.status == 403);
        }
    }
    assert!((9..=12).contains(&checked), "{checked}: each sandbox may answer one more");
}

#[tokio::test]
async fn guesses_are_counted_without_storage() {
    let service = TestService::limited(ten()).await;
    let right = service.api_key(&[]).await;
    let wrong = wrong(ApiKey::parse(&right).unwrap().id);
    service.faulty.on("UpdateItem").matching(is_lease).refuse(Refusal::Throttling);
    for guess in 1..=12 {
        let status = exchange(&service.gateway, "192.0.2.1", &wrong).await.status;
        assert_eq!(status == 429, guess > 10, "guess {guess}");
        exchange(&service.gateway, "198.51.100.7", &right).await.ok();
    }
}

#[tokio::test]
async fn ten_wrong_secrets_block_their_network_for_a_team_token() {
    for (method, path, refused) in [(Method::POST, REFRESH, 403), (Method::GET, "/api/v2/account/details", 401)] {
        let service = TestService::limited(ten()).await;
        let acme = service.acme().await;
        let right = TeamSecret::parse(&acme.team_token).unwrap();
        let wrong = TeamSecret::new(right.id(), [7; 48]).reveal();
        let ask = async |address: &str, secret: &str| {
            send_to(&service.gateway, from(address, request(method.clone(), path, secret, None))).await
        };
        for guess in 1..=10 {
            assert_eq!(ask("192.0.2.1", &wrong).await.status, refused, "guess {guess} at {path}");
            assert_eq!(ask("198.51.100.7", &acme.team_token).await.status, 200, "guess {guess} at {path}");
        }
        service.app.background.settle().await;
        for secret in [&wrong, &acme.team_token] {
            let reply = ask("192.0.2.1", secret).await;
            assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (429, Some("60")), "{path}");
        }
        assert_eq!(ask("198.51.100.7", &acme.team_token).await.status, 200, "{path}");
        assert_ne!(ask("192.0.2.1", &acme.organization_token).await.status, 429, "another token, {path}");
        service.clock.advance_ms(60_000);
        assert_eq!(ask("192.0.2.1", &acme.team_token).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn unknown_team_token_counts_like_a_wrong_secret() {
    let service = TestService::limited(ten()).await;
    let acme = service.acme().await;
    let known = TeamSecret::parse(&acme.team_token).unwrap().id();
    let unknown = TeamSecret::new(TeamTokenId::new(known.organization(), [9; 8]), [7; 48]).reveal();
    for guess in 1..=12 {
        let status = send_to(&service.gateway, from("192.0.2.1", request(Method::POST, REFRESH, &unknown, None))).await;
        assert_eq!(status.status.as_u16(), if guess > 10 { 429 } else { 403 }, "guess {guess}");
    }
}

/// A clock that advances with every reading, like a real clock.
struct AdvancingClock(AtomicI64);

impl Clock for AdvancingClock {
    fn now(&self) -> Millis {
        Millis(START.0 + self.0.fetch_add(1, Ordering::Relaxed))
    }
}

#[tokio::test]
async fn request_reports_once_while_the_clock_moves_on() {
    let service = TestService::limited(ten()).await;
    let clock = AdvancingClock(AtomicI64::new(0));
    let subject =
        RateLimitKey::FailedSecret(KeyId::new(Random::default().id().unwrap()), Network::of(Some("192.0.2.1")));
    let spend = async || {
        let spent = service.app.limits.spend(&service.app.store, &clock, subject);
        let spent = tokio::time::timeout(Duration::from_secs(20), spent).await.expect("storage is asked without end");
        spent.unwrap().retry_after_seconds
    };
    for guess in 0..10 {
        assert_eq!(spend().await, None, "guess {guess}");
    }
    assert!(spend().await.is_some(), "the eleventh is refused");
}
