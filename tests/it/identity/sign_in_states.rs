//! A sign-in state works once, for a limited time, and only for the browser and the provider that it was created for.

use serde_json::{Value, json};
use terrapi::domain::Vcs;

use crate::support::TestService;
use crate::support::browser::Browser;

const OCTOCAT: u64 = 583_231;

async fn refused(browser: &mut Browser<'_>, url: &str) {
    let reply = browser.get(url).await;
    assert_eq!(reply.failed(403), "INVALID_STATE", "{url}");
    assert_eq!(reply.header("set-cookie"), None);
    assert_eq!(browser.get("/api/v1/whoami").await.failed(403), "INVALID_TOKEN");
}

#[tokio::test]
async fn only_the_starting_browser_can_finish_a_sign_in() {
    let service = TestService::new().await;
    let (mut own, mut other) = (Browser::new(&service), Browser::new(&service));
    let page = own.begin(Vcs::Github, "").await;
    let back = own.agree(&page, Vcs::Github, OCTOCAT);
    refused(&mut other, &back).await;
    // Not even a browser with its own sign-in in progress.
    other.begin(Vcs::Github, "").await;
    refused(&mut other, &back).await;
    assert_eq!(service.github.desk().take_seen().len(), 0, "the provider was not called");
    assert_eq!(own.get(&back).await.status, 303);
}

#[tokio::test]
async fn state_is_consumed_by_the_first_callback() {
    let service = TestService::new().await;
    for ending in ["", "&error=access_denied", "&code="] {
        let mut browser = Browser::new(&service);
        let page = browser.begin(Vcs::Github, "").await;
        let back = browser.agree(&page, Vcs::Github, OCTOCAT);
        let (path, _) = back.split_once("code=").unwrap();
        let state = back.split_once("state=").unwrap().1;
        let odd = format!("{path}state={state}{ending}");
        let reply = browser.get(if ending.is_empty() { &back } else { &odd }).await;
        match ending {
            "" => assert_eq!(reply.status, 303),
            "&code=" => assert_eq!(reply.failed(400), "INVALID_QUERY"),
            _ => assert_eq!(reply.failed(403), "SIGN_IN_REFUSED"),
        }
        browser.jar.remove("session");
        refused(&mut browser, &back).await;
    }
}

#[tokio::test]
async fn forged_expired_and_foreign_states_are_refused() {
    let service = TestService::new().await;
    let mut browser = Browser::new(&service);
    let page = browser.begin(Vcs::Github, "").await;
    let back = browser.agree(&page, Vcs::Github, OCTOCAT);
    let state = back.split_once("state=").unwrap().1.to_owned();
    let other_digit = if state.ends_with('0') { '1' } else { '0' };
    let forged = format!("{}{other_digit}", &state[..state.len() - 1]);
    for wrong in [forged.as_str(), "x", "%20", &"0".repeat(43), &"z".repeat(10_000)] {
        refused(&mut browser, &back.replace(&state, wrong)).await;
    }
    refused(&mut browser, &back.replace("/api/github/v1/", "/api/v1/gitlab/")).await;
    service.clock.advance_ms(600_000);
    refused(&mut browser, &back).await;
}

#[tokio::test]
async fn two_tabs_can_sign_in_concurrently() {
    let service = TestService::new().await;
    let mut browser = Browser::new(&service);
    let first = browser.begin(Vcs::Github, "?return_to=/first").await;
    let second = browser.begin(Vcs::Github, "?return_to=/second").await;
    for (page, path) in [(first, "/first"), (second, "/second")] {
        let back = browser.agree(&page, Vcs::Github, OCTOCAT);
        let reply = browser.get(&back).await;
        assert_eq!(reply.header("location").unwrap(), format!("https://api.example.test{path}"));
    }
}

#[tokio::test]
async fn denied_consent_is_reported_and_not_retried() {
    let service = TestService::new().await;
    let mut browser = Browser::new(&service);
    let reply = browser.get("/api/github/v1/callback?error=access_denied&error_description=no").await;
    assert_eq!(reply.failed(403), "SIGN_IN_REFUSED");
}

#[tokio::test]
async fn state_browser_secret_and_verifier_are_not_stored() {
    let service = TestService::new().await;
    let mut browser = Browser::new(&service);
    let page = browser.begin(Vcs::Github, "").await;
    let state = page.split('&').find_map(|pair| pair.split_once("state=")).unwrap().1;
    let secret = &browser.jar["__Host-sign_in"];
    let calls = service.faulty.ledger().take();
    assert_eq!(calls.len(), 1);
    for hidden in [state, secret] {
        assert!(hidden.len() == 43 && !calls[0].request.to_string().contains(hidden));
    }
    assert!(page.contains("code_challenge_method=S256"));
}

/// The audit entries about sign-ins, newest first.
async fn trail(service: &TestService) -> Vec<Value> {
    service.app.background.settle().await;
    service.clock.advance_ms(1);
    let trail = service.get("/api/v1/admin/audit?action=login", &service.admin_token(&[])).await.ok();
    trail["results"].as_array().unwrap().clone()
}

#[tokio::test]
async fn refused_sign_in_is_audited_without_a_user() {
    let service = TestService::new().await;
    let (mut own, mut other) = (Browser::new(&service), Browser::new(&service));
    // A session identifies an earlier user, not the one who was about to sign in.
    let session = service.session_of(service.user).await;
    other.jar.insert("session".into(), session.strip_prefix("session=").unwrap().into());
    let page = own.begin(Vcs::Github, "").await;
    let back = own.agree(&page, Vcs::Github, OCTOCAT);
    let (path, _) = back.split_once("code=").unwrap();
    let state = back.split_once("state=").unwrap().1;
    let wrong = back.replace(state, "x");
    let elsewhere = back.replace("/api/github/v1/", "/api/v1/gitlab/");
    let says_no = format!("{path}state={state}&error=access_denied");
    let refused_entry = |vcs: &str, reason: &str, at: &Value| {
        json!({"at": at, "action": "login", "outcome": "refused", "actor": null, "vcs": vcs, "reason": reason,
            "source_ip": "192.0.2.1", "user_agent": "test"})
    };
    let mut refusals = 0;
    for (foreign, url, vcs, reason) in [
        (true, &back, "github", "INVALID_STATE"),
        (false, &wrong, "github", "INVALID_STATE"),
        (false, &elsewhere, "gitlab", "INVALID_STATE"),
        (false, &says_no, "github", "SIGN_IN_REFUSED"),
        (false, &back, "github", "INVALID_STATE"),
    ] {
        let browser = if foreign { &mut other } else { &mut own };
        browser.get(url).await.failed(403);
        refusals += 1;
        let trail = trail(&service).await;
        assert_eq!((trail.len(), &trail[0]), (refusals, &refused_entry(vcs, reason, &trail[0]["at"])), "{url}");
    }
    let page = own.begin(Vcs::Gitlab, "").await;
    let back = own.agree(&page, Vcs::Gitlab, 77);
    let (before, after) = back.split_once("code=").unwrap();
    own.get(&format!("{before}code=expired&{}", after.split_once('&').unwrap().1)).await.failed(403);
    let refused = trail(&service).await;
    assert_eq!(refused[0], refused_entry("gitlab", "PROVIDER_REJECTED", &refused[0]["at"]));

    // Requests that were not a sign-in attempt, or whose result is unknown, are not audited.
    own.get("/api/github/v1/callback").await;
    own.get("/api/github/v1/callback?installation_id=x").await.failed(400);
    own.begin(Vcs::Github, "").await;
    assert_eq!(trail(&service).await.len(), refused.len());
    let user = own.user(Vcs::Gitlab, 77).await;
    let done = trail(&service).await;
    assert_eq!((&done[0]["actor"], &done[0]["vcs"]), (&json!(user), &json!("gitlab")));
    assert_eq!((done.len(), done[0].get("reason")), (refused.len() + 1, None));
    assert!(!format!("{done:?}").contains(state));
}

#[tokio::test]
async fn refusal_is_answered_when_the_audit_write_fails() {
    let service = TestService::new().await;
    let mut browser = Browser::new(&service);
    let lost = service.faulty.on("PutItem").cut_before_store();
    refused(&mut browser, "/api/github/v1/callback?code=a&state=b").await;
    service.app.background.settle().await;
    assert!(lost.count() > 0);
}
