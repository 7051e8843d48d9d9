//! Periodic checks of memberships: when one is too old, the worker asks the provider again.

mod concurrent_changes;
mod provider_answers;
mod requests;
mod unconfirmed;

use serde_json::json;
use terrapi::domain::{Membership, Namespace, Vcs};

use crate::support::provider_user::signed_in;
use crate::support::{StreamPump, TestService};

const DAY_MS: i64 = 86_400_000;
const LIST: &str = "GET /user/installations";

/// The result of a request with a new token of the service's user in an installation: `OK`, or the error code.
async fn answer(service: &TestService, installation: Namespace) -> String {
    let path = format!("/api/v1/{}/kv/{}/key/k", installation.vcs, installation.installation);
    let reply = service.put(&path, &service.kv_token(), json!({"data": 1})).await;
    match reply.status.as_u16() {
        200 => "OK".into(),
        _ => reply.failed(403).to_owned(),
    }
}

/// A service whose user has signed in, with memberships older than a day, and the worker's stream position.
async fn service_with_old_memberships(vcs: Vcs) -> (TestService, StreamPump) {
    let service = signed_in(vcs).await;
    service.clock.advance_ms(DAY_MS + 1);
    let pump = StreamPump::new(&service, "operations");
    (service, pump)
}

async fn membership(service: &TestService, namespace: Namespace) -> Option<Membership> {
    service.app.store.find_membership(service.user, namespace).await.unwrap()
}
