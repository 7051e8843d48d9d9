//! Storage that refuses, does not answer, or loses answers: callers are not blocked, and each sandbox still keeps the
//! limit.

use std::time::{Duration, Instant};

use terrapi::runtime::RateLimits;

use super::{callers, is_lease, leases, passed, some_key, token_of};
use crate::support::TestService;
use crate::support::faulty::Refusal;

#[tokio::test]
async fn sandbox_limits_alone_without_storage_and_asks_each_second() {
    for fault in 0..3 {
        let service = TestService::limited(callers(50, 100)).await;
        let on = service.faulty.on("UpdateItem").matching(is_lease);
        let hits = match fault {
            0 => on.refuse(Refusal::ThroughputExceeded),
            1 => on.cut_before_store(),
            _ => on.refuse(Refusal::InternalServerError),
        };
        let key = some_key();
        let burst = passed(&service.gateway, &token_of(&service, key), 150).await;
        assert_eq!((burst, hits.count()), (100, 1), "fault {fault}");
        let mut later = 0;
        for _ in 0..50 {
            service.clock.advance_ms(100);
            later += passed(&service.gateway, &token_of(&service, key), 10).await;
        }
        assert!((220..=250).contains(&later), "{later} passed in five seconds at 50 a second");
        assert!((4..=6).contains(&hits.count()), "{} calls in five seconds", hits.count());
        service.faulty.heal();
        service.clock.advance_ms(2_000);
        assert_eq!(passed(&service.gateway, &token_of(&service, key), 100).await, 100);
    }
}

#[tokio::test]
async fn silent_storage_delays_only_one_request_up_to_the_timeout() {
    let patience = Duration::from_millis(200);
    let service = TestService::limited(RateLimits { patience, ..callers(50, 100) }).await;
    let token = token_of(&service, some_key());
    service.faulty.on("UpdateItem").matching(is_lease).hold_before_store();
    let began = Instant::now();
    assert_eq!(passed(&service.gateway, &token, 100).await, 100);
    assert!(began.elapsed() >= patience, "storage was not asked");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[tokio::test]
async fn batch_with_a_lost_answer_is_charged_once() {
    let service = TestService::limited(callers(50, 100)).await;
    let cut = service.faulty.on("UpdateItem").matching(is_lease).nth(1).cut_after_store();
    let key = some_key();
    let first = passed(&service.gateway, &token_of(&service, key), 30).await;
    assert_eq!((first, cut.count()), (30, 1));
    // Storage has counted the first ten, so another sandbox passes the other 90. The first sandbox has not reported the
    // rest.
    let rest = passed(&service.sandbox(), &token_of(&service, key), 120).await;
    assert_eq!(rest, 90);
}

#[tokio::test]
async fn contended_budget_is_retried_a_bounded_number_of_times() {
    let service = TestService::limited(callers(50, 100)).await;
    let key = some_key();
    passed(&service.gateway, &token_of(&service, key), 120).await;
    let cold = async { passed(&service.sandbox(), &token_of(&service, key), 200).await };
    let (_, calls) = service.faulty.ledger().during(cold).await;
    assert!(leases(&calls) <= 2, "{calls:?}");
}
