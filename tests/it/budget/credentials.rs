//! The cost of checking a credential, which every route adds to its own.

use http::Method;

use super::{cost, repeat, warm};
use crate::support::service::KV;

#[tokio::test]
async fn first_use_of_a_token_reads_its_membership_once() {
    let (service, _) = warm().await;
    let fresh = service.kv_token();
    let path = format!("{KV}/key/k");
    assert_eq!(cost(&service, Method::GET, &path, &fresh, None).await, repeat("GetItem 1.0 RU", 2));
    assert_eq!(cost(&service, Method::GET, &path, &fresh, None).await, repeat("GetItem 1.0 RU", 1));
}

#[tokio::test]
async fn session_costs_two_reads_and_an_hourly_write() {
    let (service, _) = warm().await;
    let cookie = service.session_of(service.user).await;
    let cost = async |path: &str| {
        let send = async {
            service.browse(Method::GET, path, &cookie, None).await.ok();
            service.app.background.settle().await;
        };
        let (_, calls) = service.faulty.ledger().during(send).await;
        calls.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    for _ in 0..2 {
        assert_eq!(cost("/api/v1/whoami").await, repeat("GetItem 1.0 RU", 2), "the session, the user");
        assert_eq!(cost(&format!("{KV}/key/k")).await, repeat("GetItem 1.0 RU", 3), "and the membership");
    }
    service.clock.advance_ms(3_600_000);
    let mut calls = cost("/api/v1/whoami").await;
    calls.sort();
    assert_eq!(calls, ["GetItem 1.0 RU", "GetItem 1.0 RU", "UpdateItem 1.0 WU"]);
    assert_eq!(cost("/api/v1/whoami").await.len(), 2);
}
