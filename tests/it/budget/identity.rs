//! The cost of a sign-in, and of a user's token for a provider.

use terrapi::domain::{UserId, Vcs};

use crate::support::TestService;
use crate::support::browser::Browser;

#[tokio::test]
async fn sign_in_writes_state_user_session_and_audit_entry() {
    let service = TestService::new().await;
    let names = |lines: Vec<String>| -> Vec<String> {
        lines.iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    let mut browser = Browser::new(&service);
    let page = browser.begin(Vcs::Github, "").await;
    assert_eq!(service.faulty.ledger().take_lines(), ["PutItem 1.0 WU"]);
    browser.get(&browser.agree(&page, Vcs::Github, 583_231)).await;
    let first = ["UpdateItem", "GetItem", "TransactWriteItems", "Query", "PutItem", "PutItem"];
    assert_eq!(names(service.faulty.ledger().take_lines()), first);
    browser.get("/api/v1/github/whoami").await.ok();
    assert_eq!(names(service.faulty.ledger().take_lines()), ["GetItem", "GetItem"], "the session, the identity");
    browser.jar.remove("session");
    let page = browser.begin(Vcs::Github, "").await;
    service.faulty.ledger().take();
    browser.get(&browser.agree(&page, Vcs::Github, 583_231)).await;
    let later = ["UpdateItem", "GetItem", "GetItem", "TransactWriteItems", "Query", "PutItem", "PutItem"];
    assert_eq!(names(service.faulty.ledger().take_lines()), later, "and whether they were an administrator");
    browser.get("/api/v1/user/github/installations").await.ok();
    service.clock.advance_ms(2 * 3_600_000);
    browser.jar.remove("session");
    let page = browser.begin(Vcs::Github, "").await;
    service.faulty.ledger().take();
    browser.get(&browser.agree(&page, Vcs::Github, 583_231)).await;
    let with_memberships = names(service.faulty.ledger().take_lines());
    // Starts a membership check, leases it, reads the memberships again, and confirms them.
    let check = ["Query", "UpdateItem", "UpdateItem", "Query", "TransactWriteItems"];
    assert_eq!(with_memberships[4..9], check, "{with_memberships:?}");
    assert_eq!(with_memberships.len(), 11);
}

#[tokio::test]
async fn provider_token_costs_one_read_and_renewal_two_writes() {
    let service = TestService::new().await;
    let user = Browser::new(&service).user(Vcs::Github, 583_231).await;
    let user = UserId::parse(&user).unwrap();
    service.faulty.ledger().take();
    service.app.vcs_token(user, Vcs::Github).await.unwrap();
    assert_eq!(service.faulty.ledger().take_lines(), ["GetItem 1.0 RU"]);
    service.clock.advance_ms(8 * 3_600_000);
    service.app.vcs_token(user, Vcs::Github).await.unwrap();
    assert_eq!(service.faulty.ledger().take_lines(), ["GetItem 1.0 RU", "UpdateItem 1.0 WU", "UpdateItem 1.0 WU"]);
}
