//! The cost of an exchange, and of the published keys.

use http::Method;
use terrapi::domain::Capability::KvStoreRead;

use super::{cost, warm};
use crate::support::TestService;

#[tokio::test]
async fn exchange_reads_its_key_once_and_records_use_each_minute() {
    let service = TestService::new().await;
    let key = service.api_key(&[KvStoreRead]).await;
    service.faulty.ledger().take();
    let refresh = "/api/v1/access-token/refresh";
    let first = cost(&service, Method::POST, refresh, &key, None).await;
    assert_eq!(first[0], "GetItem 1.0 RU");
    let mut beside = first[1..].to_vec();
    beside.sort();
    assert_eq!(
        beside,
        ["PutItem 2.0 WU", "UpdateItem 1.0 WU"],
        "the audit entry with its copy in the index, the last use"
    );
    let again = cost(&service, Method::POST, refresh, &key, None).await;
    assert_eq!(again, ["GetItem 1.0 RU", "PutItem 2.0 WU"]);
}

#[tokio::test]
async fn public_keys_are_read_once_in_ten_seconds() {
    let (service, _) = warm().await;
    let path = "/.well-known/jwks.json";
    let ask = async || cost(&service, Method::GET, path, "", None).await;
    assert_eq!(ask().await, ["Query 1.0 RU"]);
    service.clock.advance_ms(9_000);
    assert!(ask().await.is_empty());
    service.clock.advance_ms(1_000);
    let (_, calls) =
        service.faulty.ledger().during(async { tokio::join!(service.get(path, ""), service.get(path, "")) }).await;
    assert_eq!(calls.len(), 1, "concurrent requests share one read");
}
