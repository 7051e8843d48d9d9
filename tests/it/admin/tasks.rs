//! Reading a task.

use http::Method;
use serde_json::Value;
use terrapi::domain::UserId;
use terrapi::runtime::Random;

use crate::installations::{REFRESH, limited_to, token};
use crate::support::TestService;

const DAY_MS: i64 = 24 * 3600 * 1000;

async fn begun(service: &TestService) -> String {
    let begun = service.call(Method::POST, REFRESH, &token(service), None).await.ok();
    format!("/api/v1/tasks/{}", begun["id"].as_str().unwrap())
}

#[tokio::test]
async fn task_is_visible_only_to_its_owner() {
    let service = TestService::new().await;
    let path = begun(&service).await;
    service.get(&path, &service.token(&[])).await.ok();
    let stranger = service.token_of(UserId::new(Random::default().id().unwrap()), &[]);
    let theirs = service.get(&path, &stranger).await;
    let none = service.get("/api/v1/tasks/0190a5d0-ac96-774b-bcce-b302099a8057", &stranger).await;
    assert_eq!((theirs.failed(404), &theirs.bytes), ("NOT_FOUND".into(), &none.bytes));
    let elsewhere = service.get(&path, &service.token(&[limited_to("67890")])).await;
    assert_eq!(elsewhere.bytes, none.bytes, "nor for a token that is limited to another installation");
}

#[tokio::test]
async fn malformed_task_id_is_refused() {
    let service = TestService::new().await;
    for id in ["x", "1", "0190a5d0ac96774bbcceb302099a8057", "%00", "%ff", "%zz", "a%2Fb"] {
        assert_eq!(
            service.get(&format!("/api/v1/tasks/{id}"), &token(&service)).await.failed(400),
            "INVALID_PATH",
            "{id}"
        );
        let anonymous = service.get(&format!("/api/v1/tasks/{id}"), "").await;
        assert_eq!(anonymous.failed(403), "INVALID_TOKEN", "{id}");
    }
    for installation in ["abc", "-1", "9223372036854775808", "%00", "%zz", "%ff"] {
        for path in ["/api/v1/github/installations/", "/api/v1/installations/"] {
            let path = format!("{path}{installation}/repos/refresh");
            let reply = service.post(&path, &token(&service), Value::Null).await;
            assert_eq!(reply.failed(400), "INVALID_PATH", "{path}");
        }
    }
}

#[tokio::test]
async fn task_expires_after_thirty_days() {
    let service = TestService::new().await;
    let path = begun(&service).await;
    service.clock.advance_ms(30 * DAY_MS - 1000);
    service.get(&path, &token(&service)).await.ok();
    service.clock.advance_ms(1000);
    assert_eq!(service.get(&path, &token(&service)).await.failed(404), "NOT_FOUND", "though the table still has it");
}
