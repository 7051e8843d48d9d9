//! Unavailable providers and lost storage answers: a sign-in succeeds or leaves nothing behind.

use terrapi::domain::Vcs;

use crate::support::TestService;
use crate::support::browser::Browser;
use crate::support::stand_in::Fault;

const OCTOCAT: u64 = 583_231;

/// The storage calls that wrote something, except to the sign-in state and the audit entries of refused sign-ins.
fn writes(service: &TestService) -> Vec<String> {
    let calls = service.faulty.ledger().take();
    let writes = calls.into_iter().filter(|call| !matches!(call.operation.as_str(), "GetItem" | "Query"));
    let own = |request: &str| request.contains("sign-in#") || request.contains("audit#nobody");
    writes.filter(|call| !own(&call.request.to_string())).map(|call| call.operation).collect()
}

#[tokio::test]
async fn unavailable_provider_is_503_and_stores_nothing() {
    let service = TestService::new().await;
    for (route, times) in [("POST /login/oauth/access_token", 1), ("GET /user", 3)] {
        for fault in [Fault::Answer(502, vec![]), Fault::Body("{\"half\":")] {
            let mut browser = Browser::new(&service);
            service.github.desk().fail(route, vec![fault.clone(); times]);
            service.faulty.ledger().take();
            let reply = browser.sign_in(Vcs::Github, OCTOCAT, "").await;
            assert_eq!(reply.failed(503), "UNAVAILABLE", "{route} {fault:?}");
            assert_eq!(reply.header("set-cookie"), None);
            assert_eq!(writes(&service), Vec::<String>::new(), "{route} {fault:?}");
            service.github.desk().clear();
        }
    }
    Browser::new(&service).user(Vcs::Github, OCTOCAT).await;
}

#[tokio::test]
async fn rejected_code_is_403_and_stores_nothing() {
    let service = TestService::new().await;
    let mut browser = Browser::new(&service);
    for vcs in Vcs::ALL {
        let page = browser.begin(vcs, "").await;
        let person = if vcs == Vcs::Github { OCTOCAT } else { 77 };
        let back = browser.agree(&page, vcs, person);
        let (before, after) = back.split_once("code=").unwrap();
        let state = after.split_once('&').unwrap().1;
        service.faulty.ledger().take();
        let reply = browser.get(&format!("{before}code=expired&{state}")).await;
        assert_eq!(reply.failed(403), "PROVIDER_REJECTED", "{vcs}");
        assert_eq!(writes(&service), Vec::<String>::new());
    }
}

#[tokio::test]
async fn lost_answers_leave_one_user_with_one_identity() {
    let service = TestService::new().await;
    let mut users = std::collections::BTreeSet::new();
    for operation in ["PutItem", "UpdateItem", "TransactWriteItems"] {
        for nth in 1..=3 {
            let hits = service.faulty.on(operation).nth(nth).cut_after_store();
            let mut browser = Browser::new(&service);
            users.insert(browser.user(Vcs::Github, OCTOCAT).await);
            assert!(hits.count() == 1 || nth > 1, "{operation}");
            service.faulty.heal();
        }
    }
    assert_eq!(users.len(), 1);
}

#[tokio::test]
async fn killed_sign_in_can_be_repeated_without_a_second_user() {
    let service = TestService::new().await;
    let mut users = std::collections::BTreeSet::new();
    for nth in 1..=8 {
        for after in [false, true] {
            let on = service.faulty.on("*").nth(nth);
            let _ = if after { on.die_after_store() } else { on.die_before_store() };
            let mut browser = Browser::new(&service);
            let start = browser.get("/api/v1/github/login").await;
            if let Some(page) = start.header("location") {
                let back = browser.agree(page, Vcs::Github, OCTOCAT);
                let end = browser.get(&back).await.status.as_u16();
                assert!(matches!(end, 303 | 503), "{nth}: {end}");
            }
            service.faulty.heal();
            users.insert(Browser::new(&service).user(Vcs::Github, OCTOCAT).await);
        }
    }
    assert_eq!(users.len(), 1);
}

#[tokio::test]
async fn provider_tokens_are_stored_only_encrypted() {
    let service = TestService::new().await;
    service.faulty.ledger().take();
    Browser::new(&service).user(Vcs::Github, OCTOCAT).await;
    Browser::new(&service).user(Vcs::Gitlab, 77).await;
    let calls = service.faulty.ledger().take();
    assert!(calls.iter().filter(|call| call.operation == "TransactWriteItems").count() == 2);
    for call in calls {
        let text = call.request.to_string();
        assert!(!text.contains("ghu_") && !text.contains("ghr_") && !text.contains("glu_"), "{text}");
    }
}
