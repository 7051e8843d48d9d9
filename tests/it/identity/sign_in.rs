//! The flow from sign-in to the first record, with either provider.

use http::Method;
use serde_json::json;
use terrapi::domain::{InstallationId, Namespace, UserId, Vcs};
use terrapi::runtime::Clock;

use crate::support::TestService;
use crate::support::browser::Browser;
use crate::support::routes::Gateway;

const OCTOCAT: u64 = 583_231;
const TANUKI: u64 = 77;

#[tokio::test]
async fn user_signs_in_creates_a_key_and_writes_a_record() {
    let service = TestService::new().await;
    for (vcs, person, login) in [(Vcs::Github, OCTOCAT, "octocat"), (Vcs::Gitlab, TANUKI, "tanuki")] {
        let mut browser = Browser::new(&service);
        let reply = browser.sign_in(vcs, person, "?return_to=/runs%3Fpage=2%23top").await;
        assert_eq!((reply.status.as_u16(), reply.bytes.len()), (303, 0), "{reply:?}");
        assert_eq!(reply.header("location"), Some("https://api.example.test/runs?page=2#top"));
        assert_eq!(reply.header("cache-control"), Some("no-store"));

        let user = browser.get("/api/v1/whoami").await.ok();
        assert_eq!(user["vcs"], json!([vcs.as_str()]));
        let there = browser.get(&format!("/api/v1/{vcs}/whoami")).await.ok();
        assert_eq!(there["username"], login);
        let other = if vcs == Vcs::Github { Vcs::Gitlab } else { Vcs::Github };
        assert_eq!(browser.get(&format!("/api/v1/{other}/whoami")).await.failed(404), "NOT_FOUND");

        let namespace = Namespace { vcs, installation: InstallationId::new(4711) };
        let id = UserId::parse(user["id"].as_str().unwrap()).unwrap();
        service.app.store.put_membership(id, namespace, service.clock.now()).await.unwrap();
        let limit = json!({"name": "installation_id", "id": "4711"});
        let body = json!({"name": "first", "capabilities": ["kv_store_read", "kv_store_write", limit]});
        let created = browser.send(Method::POST, &format!("/api/v1/{vcs}/access-token"), Some(body)).await.ok();
        let key = created["refresh_token"].as_str().unwrap();
        let bought = service.call(Method::POST, "/api/v1/access-token/refresh", key, None).await.ok();
        let record = format!("/api/v1/{vcs}/kv/4711/key/k");
        service.put(&record, bought["token"].as_str().unwrap(), json!({"data": "hello"})).await.ok();
        assert_eq!(browser.get(&record).await.ok()["data"], "hello");

        browser.send(Method::POST, "/api/v1/logout", None).await.ok();
        assert!(!browser.jar.contains_key("session"));
        assert_eq!(browser.get("/api/v1/whoami").await.failed(403), "INVALID_TOKEN");
    }
}

#[tokio::test]
async fn sign_in_redirects_only_to_our_own_paths() {
    let service = TestService::new().await;
    let mut browser = Browser::new(&service);
    for (asked, location) in [
        ("", "/"),
        ("?return_to=", "/"),
        ("?return_to=%2Fa%20b%2F%C3%A4%3Fc=%2520", "/a%20b/%C3%A4?c=%20"),
        ("?return_to=//evil.test", "/"),
        ("?return_to=/%5Cevil.test", "/"),
        ("?return_to=https://evil.test/", "/"),
        ("?return_to=/%09/evil.test", "/"),
        ("?return_to=/%0D%0Aset-cookie:%20session=x", "/"),
        ("?return_to=.evil.test", "/"),
        ("?return_to=@evil.test", "/"),
        ("?return_to=/a&installation_id=7", "/a?installation_id=7"),
    ] {
        let reply = browser.sign_in(Vcs::Github, OCTOCAT, asked).await;
        assert_eq!(reply.header("location").unwrap(), format!("https://api.example.test{location}"), "{asked}");
    }
    assert_eq!(browser.get("/api/v1/github/login?installation_id=x").await.failed(400), "INVALID_QUERY");
}

#[tokio::test]
async fn installation_flow_without_a_state_signs_in() {
    let service = TestService::new().await;
    let mut browser = Browser::new(&service);
    let callback = "/api/github/v1/callback?code=a-code-of-somebody&installation_id=12345&setup_action=install";
    let start = browser.get(callback).await;
    assert_eq!(start.status, 302);
    let start = start.header("location").unwrap().to_owned();
    assert_eq!(start, "https://api.example.test/api/v1/github/login?installation_id=12345");
    assert!(browser.jar.is_empty(), "nothing was trusted");
    let page = browser.get(&start).await.header("location").unwrap().to_owned();
    let back = browser.agree(&page, Vcs::Github, OCTOCAT);
    let end = browser.get(&back).await;
    assert_eq!(end.header("location"), Some("https://api.example.test/?installation_id=12345"));
    assert_eq!(service.github.desk().take_seen(), ["POST /login/oauth/access_token", "GET /user"]);
    let again = browser.get("/api/v1/gitlab/callback?code=x&state=").await;
    assert_eq!(again.header("location"), Some("https://api.example.test/api/v1/gitlab/login"));
}

#[tokio::test]
async fn new_sign_in_replaces_the_previous_session() {
    let service = TestService::new().await;
    let mut browser = Browser::new(&service);
    let planted = service.session_of(service.user).await;
    browser.jar.insert("session".into(), planted.strip_prefix("session=").unwrap().into());
    let first = browser.user(Vcs::Github, OCTOCAT).await;
    assert_ne!(first, service.user.to_string());
    service.app.background.settle().await;
    assert_eq!(service.browse(Method::GET, "/api/v1/whoami", &planted, None).await.failed(403), "INVALID_TOKEN");
    let before = browser.jar["session"].clone();
    assert_eq!(browser.user(Vcs::Github, OCTOCAT).await, first);
    assert_ne!(browser.jar["session"], before);
}

#[tokio::test]
async fn unconfigured_provider_has_no_sign_in() {
    let service = TestService::new().await;
    let mut app = service.app.clone();
    app.providers = terrapi::vcs::Providers::default();
    let router = terrapi::http::lambda_service(identity::routes(), app);
    for path in ["/api/v1/github/login", "/api/github/v1/callback?code=a", "/api/v1/gitlab/callback?code=a&state=b"] {
        let mut browser = Browser::on(&service, Gateway::new([("identity".to_owned(), router.clone())].into()));
        assert_eq!(browser.get(path).await.failed(404), "NOT_FOUND", "{path}");
    }
}
