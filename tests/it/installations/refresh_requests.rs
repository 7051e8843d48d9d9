//! Starting a refresh.

use http::Method;
use serde_json::Value;
use terrapi::domain::Capability::KvStoreRead;
use terrapi::domain::{InstallationState, UserId};
use terrapi::runtime::Random;

use super::{REFRESH, limited_to, token};
use crate::support::{MemberOf, Reply, TestService};

async fn begin(service: &TestService, token: &str) -> Reply {
    service.call(Method::POST, REFRESH, token, None).await
}

async fn task(service: &TestService, token: &str, id: &Value) -> Reply {
    service.get(&format!("/api/v1/tasks/{}", id.as_str().unwrap()), token).await
}

#[tokio::test]
async fn refresh_answers_with_a_task_on_both_paths() {
    let service = TestService::new().await;
    let begun = begin(&service, &token(&service)).await.ok();
    let old = "/api/v1/installations/12345/repos/refresh";
    assert_eq!(service.call(Method::POST, old, &token(&service), None).await.ok(), begun);
    let task = task(&service, &token(&service), &begun["id"]).await.ok();
    assert_eq!((&task["id"], &task["state"]), (&begun["id"], &"pending".into()));
    assert_eq!((&task["name"], &task["progress"]["done"]), (&"refresh repositories".into(), &0.into()));
    assert_eq!((&task["created_at"], &task["updated_at"]), (&"2026-09-21T14:13:20.000Z".into(), &task["created_at"]));
    assert!(task.get("error").is_none());
    let elsewhere = "/api/v1/github/installations/67890/repos/refresh";
    let other = service.call(Method::POST, elsewhere, &service.token(&[limited_to("67890")]), None).await.ok();
    assert_ne!(other, begun, "each installation has its own");
}

#[tokio::test]
async fn refresh_needs_an_installation_token_of_a_member() {
    let service = TestService::new().await;
    let unnamed = begin(&service, &service.token(&[KvStoreRead])).await;
    assert_eq!(unnamed.failed(403), "INSUFFICIENT_SCOPE");
    assert_eq!(unnamed.json()["data"], "installation_id:12345");
    assert_eq!(begin(&service, &service.token(&[limited_to("67890")])).await.failed(403), "INSTALLATION_FORBIDDEN");
    let stranger = UserId::new(Random::default().id().unwrap());
    let token = service.token_of(stranger, &[limited_to("12345")]);
    assert_eq!(begin(&service, &token).await.failed(403), "INSTALLATION_FORBIDDEN");
}

#[tokio::test]
async fn session_refresh_needs_only_the_membership() {
    let service = TestService::new().await;
    let member = service.session_of(service.user).await;
    let begun = service.browse(Method::POST, REFRESH, &member, None).await.ok();
    task(&service, &token(&service), &begun["id"]).await.ok();
    let stranger = service.session_of(UserId::new(Random::default().id().unwrap())).await;
    let reply = service.browse(Method::POST, REFRESH, &stranger, None).await;
    assert_eq!(reply.failed(403), "INSTALLATION_FORBIDDEN");
}

#[tokio::test]
async fn refresh_of_an_inactive_installation_is_refused() {
    let service = TestService::new().await;
    for state in [InstallationState::Suspended, InstallationState::Uninstalled] {
        service.install(12345, state).await;
        assert_eq!(begin(&service, &token(&service)).await.failed(403), "INSTALLATION_INACTIVE");
    }
    service.install(12345, InstallationState::Installed).await;
    begin(&service, &token(&service)).await.ok();
    service.join(service.user, MemberOf(999)).await;
    let unknown = "/api/v1/github/installations/999/repos/refresh";
    let reply = service.call(Method::POST, unknown, &service.token(&[limited_to("999")]), None).await;
    assert_eq!(reply.failed(404), "NOT_FOUND");
}

#[tokio::test]
async fn request_during_a_refresh_gets_the_running_task() {
    let service = TestService::new().await;
    let begun = begin(&service, &token(&service)).await.ok();
    let colleague = UserId::new(Random::default().id().unwrap());
    service.join(colleague, MemberOf(12345)).await;
    let theirs = service.token_of(colleague, &[limited_to("12345")]);
    assert_eq!(task(&service, &theirs, &begun["id"]).await.failed(404), "NOT_FOUND");
    assert_eq!(begin(&service, &theirs).await.ok(), begun);
    task(&service, &theirs, &begun["id"]).await.ok();
    task(&service, &token(&service), &begun["id"]).await.ok();
}

#[tokio::test]
async fn concurrent_refresh_requests_get_one_task() {
    let service = TestService::new().await;
    let gate = service.faulty.on("TransactWriteItems").hold_before_store();
    let token = token(&service);
    let asking = futures::future::join_all((0..6).map(|_| begin(&service, &token)));
    let opening = async {
        gate.arrived(6).await;
        gate.release();
    };
    let (replies, ()) = futures::join!(asking, opening);
    let ids: std::collections::BTreeSet<_> = replies.iter().map(|reply| reply.ok()["id"].to_string()).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
}

#[tokio::test]
async fn refresh_with_a_lost_answer_starts_one_task() {
    let service = TestService::new().await;
    let lost = service.faulty.on("TransactWriteItems").nth(1).cut_after_store();
    let begun = begin(&service, &token(&service)).await.ok();
    assert_eq!(lost.count(), 1);
    assert_eq!(begin(&service, &token(&service)).await.ok(), begun);
    task(&service, &token(&service), &begun["id"]).await.ok();
}

#[tokio::test]
async fn killed_refresh_request_can_be_repeated() {
    for after_store in [false, true] {
        for call in 1.. {
            let service = TestService::new().await;
            let token = token(&service);
            let rule = service.faulty.on("*").nth(call);
            let hits = if after_store { rule.die_after_store() } else { rule.die_before_store() };
            begin(&service, &token).await;
            service.faulty.heal();
            let begun = begin(&service, &token).await.ok();
            assert_eq!(begin(&service, &token).await.ok(), begun);
            assert_eq!(task(&service, &token, &begun["id"]).await.ok()["state"], "pending");
            if hits.count() == 0 {
                assert!(call > 3, "only {} calls were killed", call - 1);
                break;
            }
        }
    }
}
