//! The cost of listing installations, starting a refresh and setting up a GitLab group.

use http::Method;
use terrapi::domain::Capability::InstallationId;
use terrapi::domain::Vcs;

use super::{cost, repeat, warm};
use crate::support::provider_user::signed_in;

#[tokio::test]
async fn installation_listing_reads_each_and_writes_changes() {
    let service = signed_in(Vcs::Github).await;
    let token = service.token(&[]);
    let listing = "/api/v1/user/github/installations";
    let names =
        |lines: &[String]| lines.iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>();
    let calls = cost(&service, Method::GET, listing, &token, None).await;
    let unchanged = ["GetItem", "UpdateItem", "GetItem", "GetItem", "UpdateItem", "Query"];
    assert_eq!(names(&calls), unchanged, "the identity, the ticket, two installations, its claim, the memberships");
    service.github.hub(|hub| hub.installation(12345).members.clear());
    let calls = cost(&service, Method::GET, listing, &token, None).await;
    let changed = ["GetItem", "UpdateItem", "GetItem", "UpdateItem", "Query", "TransactWriteItems"];
    assert_eq!(names(&calls), changed, "and the removed memberships, together with its audit entry");
}

#[tokio::test]
async fn refresh_costs_a_read_and_a_transaction() {
    let (service, _) = warm().await;
    let token = service.token(&[InstallationId("12345".into())]);
    let path = "/api/v1/github/installations/12345/repos/refresh";
    let membership = cost(&service, Method::POST, path, &token, None).await;
    assert_eq!(membership[..2], repeat("GetItem 1.0 RU", 2), "the membership once, the installation");
    assert_eq!(
        membership[2..],
        ["TransactWriteItems 6.0 WU"],
        "the claim, the task, its entry in the index of unfinished tasks"
    );
    let again = cost(&service, Method::POST, path, &token, None).await;
    assert_eq!(again, ["GetItem 1.0 RU", "UpdateItem 1.0 WU"]);
    let id = service.call(Method::POST, path, &token, None).await.ok()["id"].as_str().unwrap().to_owned();
    service.faulty.ledger().take();
    assert_eq!(cost(&service, Method::GET, &format!("/api/v1/tasks/{id}"), &token, None).await, ["GetItem 1.0 RU"]);
}

#[tokio::test]
async fn group_lookup_reads_the_caller_once() {
    let service = signed_in(Vcs::Gitlab).await;
    let token = service.token(&[InstallationId("555".into())]);
    service.gitlab.lab(|lab| lab.group(555).members.insert(77, 40));
    let member = cost(&service, Method::GET, "/api/v1/gitlab/groups/555/is-member", &token, None).await;
    assert_eq!(member, ["GetItem 1.0 RU"], "the identity with its tokens");
    let webhook = "/api/v1/gitlab/installations/555/webhook";
    cost(&service, Method::GET, webhook, &token, None).await;
    assert_eq!(cost(&service, Method::GET, webhook, &token, None).await, repeat("GetItem 1.0 RU", 3), "group, secret");
}
