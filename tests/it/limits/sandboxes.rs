//! Rate limits across several sandboxes with one storage, on a clock that the test advances.

use super::{callers, passed, some_key, token_of};
use crate::support::TestService;

#[tokio::test]
async fn two_sandboxes_share_the_budget_of_a_key() {
    let service = TestService::limited(callers(50, 100)).await;
    let other = service.sandbox();
    let key = some_key();
    let token = token_of(&service, key);
    let mut both = 0;
    for _ in 0..30 {
        both += passed(&service.gateway, &token, 5).await;
        both += passed(&other, &token, 5).await;
    }
    // A sandbox reports what it let pass with its next batch; at the end each may still have one to report.
    assert!((80..=140).contains(&both), "{both}");
    let mut later = 0;
    for _ in 0..200 {
        service.clock.advance_ms(50);
        later += passed(&service.gateway, &token_of(&service, key), 4).await;
        later += passed(&other, &token_of(&service, key), 4).await;
    }
    assert!((450..=550).contains(&later), "{later} passed in ten seconds at 50 a second");
}

#[tokio::test]
async fn cold_start_does_not_add_a_burst() {
    let service = TestService::limited(callers(50, 100)).await;
    let key = some_key();
    assert_eq!(passed(&service.gateway, &token_of(&service, key), 120).await, 100);
    let mut extra = 0;
    for _ in 0..8 {
        extra += passed(&service.sandbox(), &token_of(&service, key), 50).await;
    }
    assert!(
        extra <= 8 * 11,
        "{extra}: at most what each lets through before its first report, and a token of rounding"
    );
}

#[tokio::test]
async fn concurrent_requests_share_one_rate_limit_call() {
    let service = TestService::limited(callers(1_000, 1_000)).await;
    let token = token_of(&service, some_key());
    assert_eq!(passed(&service.gateway, &token, 10).await, 10);
    let gate = service.faulty.on("UpdateItem").first(1).hold_before_store();
    let requests = futures::future::join_all((0..100).map(|_| passed(&service.gateway, &token, 1)));
    let release = async {
        gate.arrived(1).await;
        gate.release();
    };
    let work = async { futures::join!(requests, release) };
    let ((passed, ()), calls) = service.faulty.ledger().during(work).await;
    assert_eq!(passed.iter().sum::<usize>(), 100);
    assert!(calls.len() <= 2, "{calls:?}");
}
