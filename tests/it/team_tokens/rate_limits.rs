//! Rate limits of the organization routes.

use std::time::Duration;

use terrapi::domain::rate::Limit;
use terrapi::runtime::RateLimits;

use super::{ACCOUNT, LIST, problem};
use crate::support::TestService;

async fn limited() -> TestService {
    let rates = RateLimits {
        principals: Limit::per_second(30, 40),
        patience: Duration::from_secs(10),
        ..RateLimits::default()
    };
    TestService::limited(rates).await
}

fn figure(reply: &crate::support::Reply, name: &str) -> f64 {
    reply.header(name).unwrap().parse().unwrap()
}

#[tokio::test]
async fn requests_over_the_rate_are_429_until_the_wait_is_over() {
    let service = limited().await;
    let acme = service.acme().await;
    let mut passed = 0;
    let refused = loop {
        let reply = service.get(ACCOUNT, &acme.team_token).await;
        assert_eq!(figure(&reply, "x-ratelimit-limit"), 30.0);
        if reply.status == 429 {
            break reply;
        }
        assert!((0.0..=30.0).contains(&figure(&reply, "x-ratelimit-remaining")));
        passed += 1;
        assert!(passed < 200);
    };
    assert!((30..=45).contains(&passed), "{passed}");
    assert_eq!(problem(&refused, 429), ("too many requests".to_owned(), None));
    assert!(figure(&refused, "x-ratelimit-reset") > 0.0 && figure(&refused, "retry-after") > 0.0);
    assert_eq!(figure(&refused, "x-ratelimit-remaining"), 0.0);
    let wait = figure(&refused, "x-ratelimit-reset");
    assert_eq!(service.get(LIST, &acme.organization_token).await.status, 200, "another principal is not concerned");
    service.clock.advance_ms((wait * 1_000.0) as i64);
    assert_eq!(service.get(ACCOUNT, &acme.team_token).await.status, 200);
}

#[tokio::test]
async fn tokens_of_a_team_share_one_budget() {
    let service = limited().await;
    let acme = service.acme().await;
    let body = serde_json::json!({"data": {"attributes": {"description": "ci"}}});
    let created = super::data(&service.post(&super::described(), &acme.organization_token, body).await, 201);
    let other = super::secret(&created);
    let mut statuses = Vec::new();
    for number in 0..60 {
        let token = if number % 2 == 0 { &acme.team_token } else { &other };
        statuses.push(service.get(ACCOUNT, token).await.status.as_u16());
    }
    let passed = statuses.iter().filter(|status| **status == 200).count();
    assert!((30..=45).contains(&passed), "{passed}");
}

#[tokio::test]
async fn ping_and_discovery_are_unlimited_and_ping_states_the_rate() {
    let service = limited().await;
    for _ in 0..100 {
        let ping = service.get("/api/v2/ping", "").await;
        assert_eq!(ping.status, 204);
        assert_eq!((figure(&ping, "x-ratelimit-limit"), figure(&ping, "x-ratelimit-remaining")), (30.0, 30.0));
        assert_eq!(service.get("/.well-known/terraform.json", "").await.status, 200);
    }
}
