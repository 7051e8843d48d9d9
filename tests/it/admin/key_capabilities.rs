//! Capabilities that a request names for a key: how many, which ones, and the cost of a refusal.

use http::Method;
use serde_json::{Value, json};
use terrapi::domain::Capability::{AccessTokenCreate, InstallationId, KvStoreRead};

use crate::support::TestService;

const KEYS: &str = "/api/v1/github/access-token";
const REFRESH: &str = "/api/v1/access-token/refresh";

fn installation(id: &str) -> Value {
    json!({"name": "installation_id", "id": id})
}

#[tokio::test]
async fn refusal_names_all_missing_capabilities_for_one_read() {
    let service = TestService::new().await;
    let token = service.token(&[AccessTokenCreate, KvStoreRead]);
    let foreign: Vec<_> = (1..=28).map(|id| installation(&id.to_string())).collect();
    let held = [json!("kv_store_read"), installation("12345"), installation("67890")];
    let asked = [&held[..], &foreign, &[json!("kv_store_write")]].concat();
    assert_eq!(asked.len(), 32);
    let create = service.post(KEYS, &token, json!({"name": "n", "capabilities": asked}));
    let (reply, calls) = service.faulty.ledger().during(create).await;
    assert_eq!(reply.failed(400), "CAPABILITY_NOT_HELD");
    let mut named: Vec<_> = (1..=28).map(|id| format!("installation_id:{id}")).collect();
    named.sort();
    named.push("kv_store_write".into());
    assert_eq!(reply.json()["data"], named.join(","));
    let calls: Vec<_> = calls.iter().map(|call| call.operation.as_str()).collect();
    assert_eq!(calls, ["BatchGetItem"]);
}

#[tokio::test]
async fn more_than_32_capabilities_are_refused_without_a_read() {
    let service = TestService::new().await;
    let (token, key) = (service.token(&[AccessTokenCreate]), service.api_key(&[AccessTokenCreate]).await);
    for count in [33, 3_000] {
        let many: Vec<_> = (1..=count).map(|id| installation(&id.to_string())).collect();
        let create = service.post(KEYS, &token, json!({"name": "n", "capabilities": many}));
        let (reply, calls) = service.faulty.ledger().during(create).await;
        assert_eq!((reply.failed(400), calls), ("INVALID_BODY".into(), vec![]), "{count}");
        let exchange = service.post(REFRESH, &key, json!({"capabilities": many})).await;
        assert_eq!(exchange.failed(400), "INVALID_BODY", "{count}");
    }
    let repeated = vec![json!("access_token_create"); 32];
    service.post(KEYS, &token, json!({"name": "n", "capabilities": repeated})).await.ok();
}

#[tokio::test]
async fn id_of_450_000_zeros_is_refused_everywhere() {
    let service = TestService::new().await;
    let (token, key) = (service.token(&[AccessTokenCreate]), service.api_key(&[]).await);
    for id in ["0".repeat(450_000), "012345".into(), "+12345".into(), "-1".into()] {
        let start = id.get(..6).unwrap_or(&id);
        let body = json!({"name": "n", "capabilities": [installation(&id)]});
        let created = service.post(KEYS, &token, body.clone()).await.failed(400);
        let exchanged = service.post(REFRESH, &key, body).await.failed(400);
        let refusals = ["INVALID_BODY", "INVALID_CAPABILITY"];
        assert!(refusals.contains(&created.as_str()) && created == exchanged, "{start}: {created} {exchanged}");
        if id.len() < 60_000 {
            let id = id.replace('+', "%2B");
            let limited = service.token(&[KvStoreRead, InstallationId("12345".into())]);
            let path = service.get(&format!("/api/v1/github/kv/{id}/iter/"), &limited).await;
            assert_eq!(path.failed(400), "INVALID_PATH", "{start}");
            let login = service.get(&format!("/api/v1/github/login?installation_id={id}"), "").await;
            assert_eq!(login.failed(400), "INVALID_QUERY", "{start}");
        }
    }
    let created = service.call(Method::GET, KEYS, &token, None).await.ok();
    assert_eq!(created["results"].as_array().map(Vec::len), Some(1), "the test's own key alone");
}
