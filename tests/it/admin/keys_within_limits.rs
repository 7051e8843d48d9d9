//! A credential that is limited to installations manages only keys within its limits.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use terrapi::domain::Capability::{AccessTokenCreate, InstallationId, Vcs};

use crate::support::TestService;

const KEYS: &str = "/api/v1/github/access-token";

fn limited(service: &TestService, ids: &[&str]) -> String {
    let limits = ids.iter().map(|id| InstallationId((*id).into()));
    let capabilities: Vec<_> = [AccessTokenCreate, Vcs("github".into())].into_iter().chain(limits).collect();
    service.token(&capabilities)
}

/// Creates a key with this name and these limits. Returns its id.
async fn create(service: &TestService, name: &str, ids: &[&str]) -> String {
    let limits: Vec<_> = ids.iter().map(|id| json!({"name": "installation_id", "id": id})).collect();
    let body = json!({"name": name, "capabilities": limits});
    let created = service.post(KEYS, &service.token(&[AccessTokenCreate]), body).await.ok();
    created["id"].as_str().unwrap().to_owned()
}

/// The names on each page.
async fn pages(service: &TestService, token: &str, limit: usize) -> Vec<Vec<String>> {
    let (mut path, mut pages) = (format!("{KEYS}?limit={limit}"), Vec::new());
    loop {
        let reply = service.get(&path, token).await;
        let name = |key: &Value| key["name"].as_str().unwrap().to_owned();
        pages.push(reply.ok()["results"].as_array().unwrap().iter().map(name).collect());
        match reply.next() {
            Some(next) => path = next,
            None => return pages,
        }
    }
}

#[tokio::test]
async fn list_shows_keys_within_the_callers_limits() {
    let service = TestService::new().await;
    for (name, ids) in
        [("a-free", &[][..]), ("b-own", &["12345"]), ("c-other", &["67890"]), ("d-both", &["12345", "67890"])]
    {
        create(&service, name, ids).await;
        create(&service, &format!("{name}-2"), ids).await;
    }
    let (one, both, free) =
        (limited(&service, &["12345"]), limited(&service, &["12345", "67890"]), service.token(&[AccessTokenCreate]));
    for limit in [1, 3, 100] {
        assert_eq!(pages(&service, &one, limit).await.concat(), ["b-own", "b-own-2"], "{limit}");
        let within = ["b-own", "b-own-2", "c-other", "c-other-2", "d-both", "d-both-2"];
        assert_eq!(pages(&service, &both, limit).await.concat(), within, "{limit}");
        assert_eq!(pages(&service, &free, limit).await.concat().len(), 8, "{limit}");
        let session = service.session_of(service.user).await;
        let listed = service.browse(http::Method::GET, &format!("{KEYS}?limit=100"), &session, None).await.ok();
        assert_eq!(listed["results"].as_array().unwrap().len(), 8);
    }
    assert!(pages(&service, &one, 1).await.iter().any(Vec::is_empty), "a short page has a link to the next");
}

#[tokio::test]
async fn keys_beyond_the_callers_limits_are_not_found() {
    let service = TestService::new().await;
    let token = limited(&service, &["12345"]);
    for (ids, within) in [(&[][..], false), (&["67890"], false), (&["12345", "67890"], false), (&["12345"], true)] {
        let id = create(&service, "k", ids).await;
        let (trail, deletion) = (format!("{KEYS}/{id}/audit"), format!("{KEYS}?id={id}"));
        if within {
            service.get(&trail, &token).await.ok();
            service.clock.advance_ms(1);
            service.delete(&deletion, &token).await.ok();
            // The trail outlives the key, for the same callers.
            assert_eq!(service.get(&trail, &token).await.ok()["results"][0]["action"], "key_deleted");
            continue;
        }
        assert_eq!(service.get(&trail, &token).await.failed(404), "NOT_FOUND", "{ids:?}");
        for cascade in ["", "&cascade=true"] {
            let refused = service.delete(&format!("{deletion}{cascade}"), &token).await;
            assert_eq!(refused.failed(404), "NOT_FOUND", "{ids:?}");
        }
        service.delete(&deletion, &service.token(&[AccessTokenCreate])).await.ok();
        assert_eq!(service.get(&trail, &token).await.failed(404), "NOT_FOUND", "{ids:?}, deleted");
        service.get(&trail, &service.token(&[AccessTokenCreate])).await.ok();
    }
}

#[tokio::test]
async fn cascade_hides_keys_beyond_the_callers_limits() {
    let service = TestService::new().await;
    let parent = create_with_child(&service).await;
    service.delete(&format!("{KEYS}?id={parent}"), &service.token(&[AccessTokenCreate])).await.ok();
    let cascade = format!("{KEYS}?id={parent}&cascade=true");
    assert_eq!(service.delete(&cascade, &limited(&service, &["67890"])).await.failed(404), "NOT_FOUND");
    service.delete(&cascade, &limited(&service, &["12345"])).await.ok();
    assert_eq!(pages(&service, &service.token(&[AccessTokenCreate]), 100).await.concat(), Vec::<String>::new());
}

/// Creates a key limited to installation 12345, and a child of it. Returns the key's id.
async fn create_with_child(service: &TestService) -> String {
    let limit = json!({"name": "installation_id", "id": "12345"});
    let body = json!({"name": "parent", "capabilities": ["access_token_create", limit]});
    let parent = service.post(KEYS, &service.token(&[AccessTokenCreate]), body).await.ok();
    let secret = parent["refresh_token"].as_str().unwrap();
    let exchanged = service.call(http::Method::POST, "/api/v1/access-token/refresh", secret, None).await.ok();
    let token = exchanged["token"].as_str().unwrap();
    service.post(KEYS, token, json!({"name": "child", "capabilities": []})).await.ok();
    parent["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn cursor_reveals_nothing_of_a_hidden_key() {
    let mut lengths = Vec::new();
    for name in ["hidden".to_owned(), format!("hidden{}", "k".repeat(250))] {
        let service = TestService::new().await;
        create(&service, "a", &["12345"]).await;
        let id = create(&service, &name, &["67890"]).await;
        create(&service, "z", &["12345"]).await;
        let token = limited(&service, &["12345"]);
        let page = service.get(&format!("{KEYS}?limit=2"), &token).await.ok();
        assert_eq!(page["results"].as_array().unwrap().len(), 1, "the page ends at the hidden key");
        let cursor = page["next_cursor"].as_str().unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(cursor).unwrap();
        for part in ["hidden", "68696464656e", &id, &id.replace('-', ""), "key#github"] {
            assert!(!bytes.windows(part.len()).any(|window| window == part.as_bytes()), "{part}: {cursor}");
        }
        lengths.push(cursor.len());
        let rest = service.get(&format!("{KEYS}?page={cursor}"), &token).await.ok();
        assert_eq!(rest["results"][0]["name"], "z");
    }
    assert_eq!(lengths[0], lengths[1], "nor does its length tell that of the name");
}
