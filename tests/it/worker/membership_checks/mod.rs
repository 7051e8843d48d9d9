//! Periodic checks of memberships: when one is too old, the worker asks the provider again.

mod concurrent_changes;
mod provider_answers;
mod requests;
mod unconfirmed;

use serde_json::{Value, json};
use terrapi::domain::{InstallationId, Membership, Millis, Namespace, Vcs};
use worker::{BatchAnswer, handle};

use crate::installations::signed_in;
use crate::support::{StreamPump, TestService};

const DAY_MS: i64 = 86_400_000;
pub const LIST: &str = "GET /user/installations";
pub const HERE: Namespace = Namespace { vcs: Vcs::Github, installation: InstallationId::new(12345) };

/// The result of a request with a new token of the service's user in an installation: `OK`, or the error code.
async fn answer(service: &TestService, installation: Namespace) -> String {
    let path = format!("/api/v1/{}/kv/{}/key/k", installation.vcs, installation.installation);
    let reply = service.put(&path, &service.kv_token(), json!({"data": 1})).await;
    match reply.status.as_u16() {
        200 => "OK".into(),
        _ => reply.failed(403).to_owned(),
    }
}

/// Runs the worker's schedule.
async fn tick(service: &TestService) {
    let event = serde_json::from_value(json!({"timer": "tasks"})).unwrap();
    assert_eq!(handle(&service.app, event, Millis(i64::MAX)).await.unwrap(), BatchAnswer::default());
}

/// A service whose user has signed in, with memberships older than a day, and the worker's stream position.
async fn grown_old(vcs: Vcs) -> (TestService, StreamPump) {
    let service = signed_in(vcs).await;
    service.clock.advance_ms(DAY_MS + 1);
    let pump = StreamPump::new(&service, "operations");
    (service, pump)
}

async fn membership(service: &TestService, namespace: Namespace) -> Option<Membership> {
    service.app.store.find_membership(service.user, namespace).await.unwrap()
}

/// The audited permission changes, oldest first: (actor, installation, change).
pub async fn changes(service: &TestService) -> Vec<(Value, Value, Value)> {
    let trail = service.get("/api/v1/admin/audit?action=permission_changed", &service.admin_token(&[])).await.ok();
    let entries = trail["results"].as_array().unwrap().iter().rev();
    let told = |entry: &Value| {
        let subject = &entry["subject"];
        (entry["actor"].clone(), subject["installation_id"].clone(), subject["change"].clone())
    };
    entries.map(told).collect()
}
