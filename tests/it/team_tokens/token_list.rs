//! The list of an organization's tokens.

use serde_json::{Value, json};

use terrapi::runtime::Clock;

use super::{LIST, data, problem};
use crate::support::TestService;
use crate::support::organizations::Acme;

async fn page(service: &TestService, acme: &Acme, query: &str) -> Value {
    service.get(&format!("{LIST}{query}"), &acme.organization_token).await.ok()
}

fn column(page: &Value, pointer: &str) -> Vec<Value> {
    page["data"].as_array().unwrap().iter().map(|row| row.pointer(pointer).unwrap().clone()).collect()
}

fn pagination(page: &Value) -> [Value; 6] {
    let members = ["current-page", "page-size", "prev-page", "next-page", "total-pages", "total-count"];
    members.map(|member| page["meta"]["pagination"][member].clone())
}

#[tokio::test]
async fn page_size_is_20_up_to_100_and_links_are_correct() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    service.described(&acme.platform, 104).await;
    let null = Value::Null;
    let counters = |figures: [Value; 6]| figures;
    for (query, rows, expected) in [
        ("", 20, counters([json!(1), json!(20), null.clone(), json!(2), json!(6), json!(105)])),
        ("?page%5Bnumber%5D=6", 5, counters([json!(6), json!(20), json!(5), null.clone(), json!(6), json!(105)])),
        ("?page[size]=1000", 100, counters([json!(1), json!(100), null.clone(), json!(2), json!(2), json!(105)])),
        ("?page[number]=999", 0, counters([json!(999), json!(20), json!(6), null.clone(), json!(6), json!(105)])),
        (
            "?page[number]=0&page[size]=x&filter[x]=y",
            20,
            counters([json!(1), json!(20), null.clone(), json!(2), json!(6), json!(105)]),
        ),
    ] {
        let page = page(&service, &acme, query).await;
        assert_eq!(page["data"].as_array().unwrap().len(), rows, "{query}");
        assert_eq!(pagination(&page), expected, "{query}");
    }
    let second = page(&service, &acme, "?page[number]=2&page[size]=50&q=PLAT&sort=-team-name").await;
    let link = |number: u8| {
        let page = format!("page%5Bnumber%5D={number}&page%5Bsize%5D=50");
        json!(format!("https://api.example.test{LIST}?q=PLAT&sort=-team-name&{page}"))
    };
    let links = ["self", "first", "prev", "next", "last"].map(|name| second["links"][name].clone());
    assert_eq!(links, [link(2), link(1), link(1), link(3), link(3)]);
    let mut ids = Vec::new();
    for number in 1..=11 {
        ids.extend(column(&page(&service, &acme, &format!("?page[number]={number}&page[size]=10")).await, "/id"));
    }
    ids.sort_by_key(ToString::to_string);
    ids.dedup();
    assert_eq!(ids.len(), 105, "pages neither overlap nor leave anything out");
}

/// Creates tokens that differ in every sort key: (team, expiry, whether it was used).
async fn varied(service: &TestService, acme: &Acme) -> Vec<String> {
    let beta = service.team("team-acme1111beta0000", &[]);
    let token = service.team_with_token(&beta).await;
    let table = [
        (&acme.platform.id, "a", Some("2030-01-01T00:00:00Z"), &acme.organization_token),
        (&acme.platform.id, "b", Some("2029-01-01T00:00:00Z"), &acme.team_token),
        (&beta.id, "c", None, &token),
    ];
    let mut secrets = vec![token.clone()];
    for (team, description, end, creator) in table {
        service.clock.advance_ms(1_000);
        let body = json!({"data": {"attributes": {"description": description, "expired-at": end}}});
        let reply = service.post(&format!("/api/v2/teams/{team}/authentication-tokens"), creator, body).await;
        secrets.push(super::secret(&data(&reply, 201)));
    }
    service.app.background.settle().await;
    secrets
}

#[tokio::test]
async fn absent_values_sort_last_and_descending_is_the_reverse() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let secrets = varied(&service, &acme).await;
    service.clock.advance_ms(120_000);
    super::status(&service, &secrets[1]).await;
    service.app.background.settle().await;
    let orders = [
        ("team-name", "/relationships/team/data/id"),
        ("created-by", "/relationships/created-by/data/id"),
        ("expired-at", "/attributes/expired-at"),
        ("last-used-at", "/attributes/last-used-at"),
    ];
    for (order, pointer) in orders {
        let forth = page(&service, &acme, &format!("?sort={order}")).await;
        let back = page(&service, &acme, &format!("?sort=-{order}")).await;
        let mut reversed = column(&back, "/id");
        reversed.reverse();
        assert_eq!(column(&forth, "/id"), reversed, "{order}");
        let values = column(&forth, pointer);
        let present: Vec<_> = values.iter().take_while(|value| !value.is_null()).collect();
        assert!(values.iter().skip(present.len()).all(Value::is_null), "{order}: {values:?}");
        assert!(
            present.windows(2).all(|pair| pair[0] == pair[1]
                || order.ends_with("name")
                || order.ends_with("by")
                || pair[0].as_str() <= pair[1].as_str()),
            "{order}: {values:?}"
        );
    }
    assert_eq!(page(&service, &acme, "").await, {
        let mut sorted = page(&service, &acme, "?sort=expired-at").await;
        for link in ["self", "first", "last"] {
            let text = sorted["links"][link].as_str().unwrap().replace("sort=expired-at&", "");
            sorted["links"][link] = json!(text);
        }
        sorted
    });
    let ends = column(&page(&service, &acme, "").await, "/attributes/expired-at");
    assert_eq!(ends[..2], [json!("2029-01-01T00:00:00.000Z"), json!("2030-01-01T00:00:00.000Z")]);
    let teams = column(&page(&service, &acme, "?sort=team-name").await, "/relationships/team/data/id");
    assert_eq!(teams[0], json!(acme.platform.id.to_string()), "platform comes before team-…");
    for bad in ["description", "-", "name,expired-at"] {
        let reply = service.get(&format!("{LIST}?sort={bad}"), &acme.organization_token).await;
        assert_eq!(problem(&reply, 400), ("bad request".to_owned(), Some("sort".to_owned())), "{bad}");
    }
}

#[tokio::test]
async fn search_matches_part_of_the_team_name_in_any_case() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    varied(&service, &acme).await;
    for (query, count) in
        [("?q=platform", 3), ("?q=LATF", 3), ("?q=", 5), ("?q=eam-acme1111BETA", 2), ("?q=a+b", 0), ("?q=nobody", 0)]
    {
        let page = page(&service, &acme, query).await;
        assert_eq!(page["meta"]["pagination"]["total-count"], count, "{query}");
    }
}

#[tokio::test]
async fn list_shows_only_manageable_tokens() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let mut closed = service.team("team-acme1111closed00", &[]);
    closed.allow_member_token_management = false;
    let closed_token = service.team_with_token(&closed).await;
    for (token, count) in [(&acme.organization_token, 2), (&acme.team_token, 1), (&closed_token, 0)] {
        let list = service.get(LIST, token).await.ok();
        assert_eq!(list["meta"]["pagination"]["total-count"], count);
    }
}

#[tokio::test]
async fn tokens_are_filtered_by_expiry() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let days = |days: i64| terrapi::domain::Millis(service.clock.now().0 + days * 24 * 3_600_000).rfc3339();
    for (description, end) in [("gone", days(-1)), ("week", days(7)), ("month", days(30)), ("later", days(31))] {
        let body = json!({"data": {"attributes": {"description": description, "expired-at": end}}});
        data(&service.post(&super::described(), &acme.organization_token, body).await, 201);
    }
    for (filter, expected) in [
        ("filter[expiry_status]=expired", &["gone"][..]),
        ("filter%5Bexpiry_status%5D=expiring_in_7_days", &["week"]),
        ("filter[expiry_status]=expiring_in_30_days", &["week", "month"]),
        ("filter[status]=active", &["week", "month", "later", ""]),
        ("filter[expiry_status]=no_expiration,expired", &["gone", ""]),
        ("filter[expiry_status]=expired&filter[expiry_status]=expiring_in_7_days", &["gone", "week"]),
        ("filter[expiry_status]=", &["gone", "week", "month", "later", ""]),
    ] {
        let page = page(&service, &acme, &format!("?{filter}")).await;
        let shown = column(&page, "/attributes/description");
        let shown: Vec<_> = shown.iter().map(|text| text.as_str().unwrap_or_default()).collect();
        assert_eq!(shown, expected, "{filter}");
        assert!(page["links"]["first"].as_str().unwrap().contains("status%5D="), "{filter}");
    }
    let refused = service.get(&format!("{LIST}?filter[expiry_status]=soon"), &acme.organization_token).await;
    assert_eq!(problem(&refused, 400), ("bad request".to_owned(), Some("filter[expiry_status]".to_owned())));
}
