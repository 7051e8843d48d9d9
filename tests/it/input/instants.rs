//! Instants at the limits of their range and malformed instants, wherever the API accepts one.

use serde_json::{Value, json};

use super::ALL;
use crate::support::TestService;
use crate::support::organizations::PLATFORM;

/// As sent, and as returned.
const GOOD: [(&str, &str); 4] = [
    ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000Z"),
    ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
    ("9999-12-31T23:59:59+23:59", "9999-12-31T00:00:59.000Z"),
    ("2030-01-01T00:00:00-23:59", "2030-01-01T23:59:00.000Z"),
];

const BAD: [&str; 8] = [
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59-00:01",
    "10000-01-01T00:00:00Z",
    "2030-01-01T00:00:60Z",
    "2030-12-31T23:59:60Z",
    "2030-01-01T00:00:00+24:00",
    "2030-01-01T00:00:00-25:00",
    "2030-02-30T00:00:00Z",
];

#[tokio::test]
async fn key_expiry_may_be_up_to_the_end_of_9999() {
    let service = TestService::new().await;
    let token = service.token(&ALL);
    let keys = "/api/v1/github/access-token";
    let body = |end: &str| json!({"name": "a", "capabilities": [], "expires_at": end});
    for (sent, written) in GOOD {
        let created = service.post(keys, &token, body(sent)).await.ok();
        // A key's expiry has a resolution of one second.
        assert_eq!(created["expires_at"].as_str().unwrap()[..19], written[..19], "{sent}");
    }
    for sent in BAD {
        assert_eq!(service.post(keys, &token, body(sent)).await.failed(400), "INVALID_BODY", "{sent}");
    }
    service.get(keys, &token).await.ok();
}

#[tokio::test]
async fn team_token_expiry_may_be_up_to_the_end_of_9999() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let path = format!("/api/v2/teams/{PLATFORM}/authentication-tokens");
    let body = |name: &str, end: &str| json!({"data": {"attributes": {"description": name, "expired-at": end}}});
    for (sent, written) in GOOD {
        let reply = service.post(&path, &acme.organization_token, body(sent, sent)).await;
        assert_eq!(reply.status, 201, "{sent}: {reply:?}");
        assert_eq!(reply.json()["data"]["attributes"]["expired-at"], written, "{sent}");
    }
    for sent in BAD {
        let reply = service.post(&path, &acme.organization_token, body(sent, sent)).await;
        assert_eq!(reply.status, 422, "{sent}: {reply:?}");
        assert_eq!(reply.json()["errors"][0]["source"]["pointer"], "/data/attributes/expired-at", "{sent}");
    }
    let list = service.get("/api/v2/organizations/acme/team-tokens", &acme.organization_token).await.ok();
    let years = list["data"].as_array().unwrap().iter().filter_map(|token| token["attributes"]["expired-at"].as_str());
    assert!(years.map(|end| end.get(..4)).all(|year| year.is_some_and(|year| "0001" <= year)));
}

#[tokio::test]
async fn audit_filters_accept_the_same_instants() {
    let service = TestService::new().await;
    let token = service.admin_token(&ALL);
    let get =
        async |query: &str| service.get(&format!("/api/v1/admin/audit?{}", query.replace('+', "%2B")), &token).await;
    for (sent, _) in GOOD {
        assert_eq!(get(&format!("from=2001-01-01T00:00:00Z&to={sent}")).await.ok()["results"], Value::Array(vec![]));
    }
    get("from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59.999Z").await.ok();
    for sent in BAD {
        for name in ["from", "to"] {
            assert_eq!(get(&format!("{name}={sent}")).await.failed(400), "INVALID_QUERY", "{name}={sent}");
        }
    }
}
