//! Setting up a GitLab group.

use http::Method;
use serde_json::{Value, json};
use terrapi::domain::{Capability, InstallationId, Namespace, Vcs};
use terrapi::store::operations::InstallationSecret;

use super::{GITLAB, listed_ids};
use crate::support::TestService;
use crate::support::gitlab::BOT;
use crate::support::provider_user::{TANUKI, signed_in};

const WEBHOOK: &str = "/api/v1/gitlab/installations/555/webhook";
const TOKEN: &str = "/api/v1/gitlab/installations/555/access-token";
const PLATFORM: Namespace = Namespace { vcs: Vcs::Gitlab, installation: InstallationId::new(555) };

fn token(service: &TestService) -> String {
    service.token(&[Capability::InstallationId("555".into())])
}

fn level(service: &TestService, level: u32) {
    service.gitlab.lab(|lab| lab.group(555).members.insert(TANUKI, level));
}

#[tokio::test]
async fn group_setup_by_a_maintainer_returns_a_stable_secret() {
    let service = signed_in(Vcs::Gitlab).await;
    level(&service, 40);
    let first = service.get(WEBHOOK, &token(&service)).await.ok();
    assert_eq!(first["state"], "pending");
    assert_eq!(first["webhook_url"], "https://api.example.test/api/v1/gitlab/events");
    let secret = first["webhook_secret"].as_str().unwrap();
    assert!(secret.len() == 64 && secret.bytes().all(|byte| byte.is_ascii_hexdigit()), "{secret}");
    let cookie = service.session_of(service.user).await;
    assert_eq!(service.browse(Method::GET, WEBHOOK, &cookie, None).await.ok(), first);
    let kept =
        service.app.store.find_installation_secret(PLATFORM, InstallationSecret::Webhook).await.unwrap().unwrap();
    assert!(!kept.windows(8).any(|window| window == &secret.as_bytes()[..8]), "it is sealed");
    assert_eq!(listed_ids(&service.get(GITLAB, &token(&service)).await.ok()), ["555"]);
}

#[tokio::test]
async fn concurrent_first_setups_get_one_secret() {
    let service = signed_in(Vcs::Gitlab).await;
    let token = token(&service);
    let gate = service.faulty.on("PutItem").first(2).hold_before_store();
    let both = async { tokio::join!(service.get(WEBHOOK, &token), service.get(WEBHOOK, &token)) };
    let release = async {
        gate.arrived(2).await;
        gate.release();
    };
    let ((one, two), ()) = tokio::join!(both, release);
    assert_eq!(one.ok(), two.ok());
}

#[tokio::test]
async fn group_setup_below_maintainer_is_refused() {
    let service = signed_in(Vcs::Gitlab).await;
    let body = json!({"access_token": "glpat-group"});
    let refused = async || {
        assert_eq!(service.get(WEBHOOK, &token(&service)).await.failed(403), "PROVIDER_FORBIDDEN");
        assert_eq!(service.put(TOKEN, &token(&service), body.clone()).await.failed(403), "PROVIDER_FORBIDDEN");
    };
    level(&service, 30);
    refused().await;
    service.gitlab.lab(|lab| lab.group(555).members.clear());
    refused().await;
    service.gitlab.lab(|lab| lab.groups.clear());
    refused().await;
    assert_eq!(service.app.store.find_installation(PLATFORM).await.unwrap(), None);
}

#[tokio::test]
async fn last_group_token_is_stored_encrypted() {
    let service = signed_in(Vcs::Gitlab).await;
    for text in ["glpat-first", "glpat-second"] {
        let reply = service.put(TOKEN, &token(&service), json!({"access_token": text})).await;
        assert_eq!((reply.status.as_u16(), reply.bytes.len()), (200, 0));
    }
    let which = InstallationSecret::AccessToken;
    let kept = service.app.store.find_installation_secret(PLATFORM, which).await.unwrap().unwrap();
    assert!(!kept.windows(6).any(|window| window == b"glpat-"));
    let opened = service.app.open_secret(&kept, &which.binding(PLATFORM)).unwrap();
    assert_eq!(opened.reveal(), "glpat-second");
    let elsewhere = Namespace { installation: InstallationId::new(556), ..PLATFORM };
    assert!(service.app.open_secret(&kept, &which.binding(elsewhere)).is_err());
}

#[tokio::test]
async fn malformed_group_token_is_refused() {
    let service = signed_in(Vcs::Gitlab).await;
    for bad in [json!(""), json!("with space"), json!("é"), json!("x".repeat(1025)), json!(1), Value::Null] {
        let reply = service.put(TOKEN, &token(&service), json!({"access_token": bad})).await;
        assert_eq!(reply.failed(400), "INVALID_BODY");
        assert!(!String::from_utf8_lossy(&reply.bytes).contains("space\""));
    }
    let path = "/api/v1/gitlab/installations/abc/webhook";
    assert_eq!(service.get(path, &token(&service)).await.failed(400), "INVALID_PATH");
}

#[tokio::test]
async fn whoami_of_the_service_names_account_and_groups() {
    let service = signed_in(Vcs::Gitlab).await;
    let own = service.get("/api/v1/gitlab/whoareyou", &service.token(&[])).await.ok();
    assert_eq!(own, json!({"id": BOT, "username": "terrapi-bot"}));
    let path = "/api/v1/gitlab/groups/555/is-member";
    assert_eq!(service.get(path, &token(&service)).await.ok(), json!({"result": false}));
    service.gitlab.lab(|lab| lab.group(555).members.insert(BOT, 30));
    assert_eq!(service.get(path, &token(&service)).await.ok(), json!({"result": true}));
    service.gitlab.lab(|lab| lab.group(555).members.remove(&TANUKI));
    assert_eq!(service.get(path, &token(&service)).await.failed(403), "PROVIDER_FORBIDDEN", "a stranger asks");
}

#[tokio::test]
async fn refused_service_token_is_not_a_client_error() {
    let service = signed_in(Vcs::Gitlab).await;
    service.gitlab.lab(|lab| lab.tokens.clear());
    assert_eq!(service.get("/api/v1/gitlab/whoareyou", &service.token(&[])).await.failed(503), "UNAVAILABLE");
    let path = "/api/v1/gitlab/groups/555/is-member";
    assert_eq!(service.get(path, &token(&service)).await.failed(503), "UNAVAILABLE");
}
