//! The cost limit of each route in storage calls, for a token whose last use was recorded within the minute.

use http::Method;
use serde_json::{Value, json};
use terrapi::domain::Capability::AccessTokenCreate;

use super::{cost, repeat};
use crate::support::TestService;
use crate::support::organizations::{ACME, Acme, PLATFORM, PLATFORM_TOKEN};

const ACCOUNT: &str = "/api/v2/account/details";
const ORGANIZATION: &str = "/api/v2/organizations/acme";

async fn warm() -> (TestService, Acme) {
    let service = TestService::new().await;
    let acme = service.acme().await;
    for token in [&acme.organization_token, &acme.team_token] {
        cost(&service, Method::GET, ACCOUNT, token, None).await;
    }
    (service, acme)
}

/// The read calls of a request with the organization's token, in units of 4 KB.
async fn reads(service: &TestService, acme: &Acme, path: &str) -> Vec<String> {
    cost(service, Method::GET, path, &acme.organization_token, None).await
}

#[tokio::test]
async fn team_token_costs_five_reads_and_two_writes_a_minute() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let ask = async || cost(&service, Method::GET, ACCOUNT, &acme.team_token, None).await;
    let mut first = ask().await;
    first.sort();
    // The token, its team, the organization, its owners' team, and the membership of an owner.
    let reads = repeat("GetItem 1.0 RU", 5);
    assert_eq!(first, [reads.clone(), vec!["PutItem 2.0 WU".into(), "UpdateItem 1.0 WU".into()]].concat());
    service.clock.advance_ms(59_999);
    assert_eq!(ask().await, reads);
    service.clock.advance_ms(1);
    assert_eq!(ask().await.len(), 7);
}

#[tokio::test]
async fn team_token_exchange_costs_five_reads() {
    let (service, acme) = warm().await;
    let refresh = "/api/v1/access-token/refresh";
    let calls = cost(&service, Method::POST, refresh, &acme.team_token, None).await;
    assert_eq!(calls, [repeat("GetItem 1.0 RU", 5), repeat("PutItem 2.0 WU", 1)].concat());
}

#[tokio::test]
async fn shown_objects_cost_one_read_each_plus_the_tokens_four() {
    let (service, acme) = warm().await;
    let table = [
        (format!("/api/v2/teams/{PLATFORM}"), 1),
        (format!("/api/v2/teams/{PLATFORM}/authentication-token"), 2),
        (format!("/api/v2/authentication-tokens/{PLATFORM_TOKEN}"), 2),
    ];
    for (path, further) in table {
        assert_eq!(reads(&service, &acme, &path).await, repeat("GetItem 1.0 RU", 4 + further), "{path}");
    }
}

#[tokio::test]
async fn token_list_is_one_query() {
    let (service, acme) = warm().await;
    let few = reads(&service, &acme, &format!("{ORGANIZATION}/team-tokens")).await;
    assert_eq!(few[..5], repeat("GetItem 1.0 RU", 5), "the token's four, and the organization's name");
    assert_eq!(few.len(), 6);
    service.described(&acme.platform, 1_000).await;
    service.faulty.ledger().take();
    let many = reads(&service, &acme, &format!("{ORGANIZATION}/team-tokens?page[size]=100")).await;
    assert_eq!(many.len(), 6, "{many:?}");
    assert!(many[5].starts_with("Query "), "{many:?}");
    for path in ["", "/teams", "/entitlement-set"].map(|path| format!("{ORGANIZATION}{path}")) {
        let calls = reads(&service, &acme, &path).await;
        assert_eq!(
            calls,
            [repeat("GetItem 1.0 RU", 5), repeat("Query 1.0 RU", 1)].concat(),
            "{path}: no token is read"
        );
    }
}

#[tokio::test]
async fn every_write_is_one_transaction() {
    let (service, acme) = warm().await;
    let token = format!("/api/v2/teams/{PLATFORM}/authentication-token");
    let described = json!({"data": {"attributes": {"description": "ci"}}});
    let team = json!({"data": {"attributes": {"name": "new"}}});
    // (method, path, body, reads, units written by the transaction: two for each row and for the condition that the caller's
    // token exists, three for an audit entry with its copy in the index)
    let table = [
        (Method::POST, token.clone(), Some(json!({})), 5, "8.0"),
        (Method::DELETE, token, None, 6, "6.0"),
        (Method::POST, format!("/api/v2/teams/{PLATFORM}/authentication-tokens"), Some(described), 5, "8.0"),
        (Method::POST, format!("{ORGANIZATION}/teams"), Some(team), 6, "13.0"),
    ];
    for (method, path, body, reads, written) in table {
        let calls = cost(&service, method.clone(), &path, &acme.organization_token, body).await;
        let transactions: Vec<_> = calls.iter().filter(|call| call.starts_with("TransactWriteItems")).collect();
        assert_eq!(transactions, [&format!("TransactWriteItems {written} WU")], "{method} {path}");
        let read = calls.iter().filter(|call| call.starts_with("GetItem") || call.starts_with("Query")).count();
        assert_eq!(read, reads, "{method} {path}: {calls:?}");
    }
}

#[tokio::test]
async fn user_request_costs_a_team_query_and_a_membership_read() {
    let (service, acme) = warm().await;
    let token = service.token(&[AccessTokenCreate]);
    let path = format!("/api/v2/teams/{}", acme.owners.id);
    let calls = cost(&service, Method::GET, &path, &token, None::<Value>).await;
    assert_eq!(calls.iter().filter(|call| call.starts_with("Query")).count(), 1, "{calls:?}");
    assert_eq!(calls.len(), 3, "the team comes with the query: {calls:?}");
    let namespace = acme.organization.namespace;
    assert!(service.app.is_member(service.user, namespace).await.unwrap(), "{ACME} is the user's");
}

#[tokio::test]
async fn organization_changes_cost_a_fixed_number_of_transactions() {
    let (service, acme) = warm().await;
    let person = service.token(&[AccessTokenCreate]);
    let attributes = |attributes: Value| Some(json!({"data": {"attributes": attributes}}));
    let team = format!("/api/v2/teams/{PLATFORM}");
    let own = format!("{ORGANIZATION}/authentication-token");
    let own_token = &acme.organization_token;
    // (caller, method, path, body, reads, transactions). A change is shown as it was read again after it.
    let table = [
        (own_token, Method::PATCH, team.clone(), attributes(json!({"visibility": "organization"})), 6, 1),
        (own_token, Method::PATCH, ORGANIZATION.to_owned(), attributes(json!({"email": "c@d.test"})), 7, 1),
        (
            &person,
            Method::POST,
            "/api/v2/organizations".to_owned(),
            attributes(json!({"name": "n", "email": "a@b.test"})),
            2,
            1,
        ),
        // The team and what it is known by; then its one token.
        (own_token, Method::DELETE, team, None, 6, 2),
        (&person, Method::POST, own.clone(), Some(json!({})), 5, 1),
        (&person, Method::GET, own.clone(), None, 4, 0),
        (&person, Method::DELETE, own, None, 4, 1),
        // The end of new teams, its owners with it, and what is left behind.
        (&person, Method::DELETE, ORGANIZATION.to_owned(), None, 5, 3),
        (&person, Method::GET, "/api/v2/organizations".to_owned(), None, 3, 0),
    ];
    for (caller, method, path, body, reads, transactions) in table {
        let calls = cost(&service, method.clone(), &path, caller, body).await;
        let count =
            |names: &[&str]| calls.iter().filter(|call| names.iter().any(|name| call.starts_with(name))).count();
        let counted = (count(&["GetItem", "Query"]), count(&["TransactWriteItems"]));
        assert_eq!(counted, (reads, transactions), "{method} {path}: {calls:?}");
    }
}

#[tokio::test]
async fn members_cost_one_batch_read_per_hundred() {
    let (service, acme) = warm().await;
    service.signed_in(service.user, "ada", 1).await;
    let counts = |calls: &[String]| {
        ["GetItem", "Query", "BatchGetItem", "TransactWriteItems"]
            .map(|name| calls.iter().filter(|call| call.split(' ').next() == Some(name)).count())
    };
    let people = format!("/api/v2/teams/{PLATFORM}/relationships/users");
    let ada = Some(json!({"data": [{"type": "users", "id": "ada"}]}));
    let memberships = format!("/api/v2/teams/{PLATFORM}/relationships/organization-memberships");
    // (method, path, body, [gets, queries, batches, transactions])
    let table = [
        // Logins, identities and memberships in the installation, at most a hundred of each in a batch.
        (Method::POST, people.clone(), ada.clone(), [5, 0, 3, 1]),
        (Method::GET, memberships, None, [5, 0, 1, 0]),
        (Method::GET, format!("/api/v2/teams/{PLATFORM}?include=users"), None, [5, 0, 1, 0]),
        (Method::GET, format!("/api/v2/teams/{PLATFORM}"), None, [5, 0, 0, 0]),
        (Method::GET, format!("{ORGANIZATION}/organization-memberships"), None, [5, 1, 1, 0]),
        (Method::DELETE, people, ada, [5, 0, 1, 1]),
    ];
    for (method, path, body, expected) in table {
        let calls = cost(&service, method.clone(), &path, &acme.organization_token, body).await;
        assert_eq!(counts(&calls), expected, "{method} {path}: {calls:?}");
    }
}
