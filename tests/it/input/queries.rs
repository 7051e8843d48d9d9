//! Query parameters that are out of range or no text.

use http::Method;

use super::{ALL, send_anonymously};
use crate::support::TestService;
use crate::support::service::KV;

const LISTINGS: [&str; 6] = [
    "/api/v1/github/access-token",
    "/api/v1/admin/audit",
    "/api/v1/admin/drifts",
    "/api/v1/admin/dead-letters",
    "/api/v1/github/access-token/0190a5d0-ac96-774b-bcce-b302099a8057/audit",
    "/api/v1/github/kv/12345/iter/",
];

#[tokio::test]
async fn numbers_and_flags_out_of_range_are_refused() {
    let service = TestService::new().await;
    let token = service.admin_token(&ALL);
    let get = |path: &str, query: &str| (Method::GET, format!("{KV}/{path}?{query}"));
    let mut cases = Vec::new();
    for idx in ["-1", "2147483648", "9223372036854775807"] {
        for path in ["key/a", "size/key/a", "iter/a"] {
            cases.push((get(path, &format!("idx={idx}")), "INVALID_IDX"));
        }
        cases.push(((Method::DELETE, format!("{KV}/key/a?idx={idx}")), "INVALID_IDX"));
    }
    for idx in ["", "abc", "1.5", "0x1", "9223372036854775808", "1e3", "%00", "%D9%A1", "1%20"] {
        for path in ["key/a", "size/key/a", "iter/a"] {
            cases.push((get(path, &format!("idx={idx}")), "INVALID_QUERY"));
        }
        cases.push(((Method::DELETE, format!("{KV}/key/a?idx={idx}")), "INVALID_QUERY"));
        cases.push(((Method::DELETE, format!("{KV}/key/a?version={idx}")), "INVALID_QUERY"));
    }
    for flag in ["", "1", "yes", "TRUE", "null", "%00"] {
        for path in ["key/a", "count/key/a", "size/key/a", "iter/a"] {
            cases.push((get(path, &format!("committed={flag}")), "INVALID_QUERY"));
        }
        for name in ["inclusive", "prefix", "include_data"] {
            cases.push((get("iter/a", &format!("{name}={flag}")), "INVALID_QUERY"));
        }
    }
    for select in
        ["a", "=a", "n=", "n=a[", "n=a..b", "n=a[99999999999999999999]", "n=a%00[", "n=%22", "ok=a&select=bad"]
    {
        for path in ["key/a", "iter/a"] {
            cases.push((get(path, &format!("select={select}")), "INVALID_SELECT"));
        }
    }
    for limit in ["0", "-1", "abc", "1e3", "", "1.5", "-99999999999999999999", "%00"] {
        let listings = LISTINGS.map(|listing| ((Method::GET, format!("{listing}?limit={limit}")), "INVALID_QUERY"));
        cases.extend(listings);
    }
    for filter in [
        "key=",
        "key=1",
        "key=0190a5d0ac96774bbcceb302099a8057",
        "user=x",
        "user=%00",
        "action=everything",
        "action=KEY_CREATED",
        "action=",
        "outcome=maybe",
        "outcome=",
        "from=yesterday",
        "from=",
        "to=2026-13-01T00:00:00Z",
        "to=2026-01-01",
        "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
    ] {
        cases.push(((Method::GET, format!("/api/v1/admin/audit?{filter}")), "INVALID_QUERY"));
    }
    for ((method, url), id) in cases {
        assert_eq!(service.call(method.clone(), &url, &token, None).await.failed(400), id, "{method} {url}");
        assert_eq!(send_anonymously(&service, &method, &url, "").await.failed(403), "INVALID_TOKEN", "{method} {url}");
    }
}

#[tokio::test]
async fn repeated_parameter_is_refused() {
    let service = TestService::new().await;
    let token = service.admin_token(&ALL);
    let id = "0190a5d0-ac96-774b-bcce-b302099a8057";
    let mut cases = Vec::new();
    for query in ["committed=true&committed=false", "committed=true&committed=true", "committed=true&%63ommitted=true"]
    {
        cases.extend(["key/a", "count/key/a", "size/key/a", "iter/a"].map(|path| format!("{KV}/{path}?{query}")));
    }
    for query in ["idx=0&idx=1", "inclusive=true&inclusive=false", "prefix=true&prefix=false", "cursor=a&cursor=b"] {
        cases.push(format!("{KV}/iter/a?{query}"));
    }
    for listing in LISTINGS {
        cases.push(format!("{listing}?limit=1&limit=100"));
        let cursor = if listing.ends_with('/') { "cursor" } else { "page" };
        cases.push(format!("{listing}?{cursor}=a&{cursor}=b"));
    }
    for query in ["action=login&action=logout", "outcome=success&outcome=refused", &format!("user={id}&user={id}")] {
        cases.push(format!("/api/v1/admin/audit?{query}"));
    }
    for listing in ["users", "organizations"] {
        cases.push(format!("/api/v1/admin/{listing}?installation_id=12345&installation_id=67890"));
        cases.push(format!("/api/v1/admin/{listing}?installation_id=12345&vcs=github&vcs=gitlab"));
    }
    for url in cases {
        assert_eq!(service.get(&url, &token).await.failed(400), "INVALID_QUERY", "{url}");
    }
    let deletions = [format!("{KV}/key/a?version=1&version=2"), format!("{KV}/key/a?idx=0&idx=1")];
    let keys = [format!("id={id}&id={id}"), format!("id={id}&cascade=false&cascade=true")];
    for url in deletions.into_iter().chain(keys.map(|query| format!("/api/v1/github/access-token?{query}"))) {
        assert_eq!(service.delete(&url, &token).await.failed(400), "INVALID_QUERY", "{url}");
    }
    for url in ["/api/v1/github/login?return_to=/a&return_to=/b", "/api/github/v1/callback?state=a&state=b"] {
        assert_eq!(send_anonymously(&service, &Method::GET, url, "").await.failed(400), "INVALID_QUERY", "{url}");
    }
}

#[tokio::test]
async fn comma_in_a_single_value_is_part_of_it() {
    let service = TestService::new().await;
    let token = service.admin_token(&ALL);
    let id = "0190a5d0-ac96-774b-bcce-b302099a8057";
    for url in [
        format!("{KV}/key/a?committed=true,false"),
        format!("{KV}/key/a?idx=0,1"),
        format!("{KV}/iter/?limit=1,2"),
        format!("/api/v1/admin/audit?user={id},x"),
        "/api/v1/admin/audit?action=login,logout".to_owned(),
        "/api/v1/admin/users?installation_id=12345,67890".to_owned(),
    ] {
        assert_eq!(service.get(&url, &token).await.failed(400), "INVALID_QUERY", "{url}");
    }
}

#[tokio::test]
async fn a_limit_above_the_maximum_is_the_maximum_however_large() {
    let service = TestService::new().await;
    let token = service.admin_token(&ALL);
    for limit in ["1000", "1001", "9223372036854775807", "9223372036854775808", "99999999999999999999999999"] {
        service.get(&format!("/api/v1/github/access-token?limit={limit}"), &token).await.ok();
        service.get(&format!("{KV}/iter/?limit={limit}"), &token).await.ok();
    }
}

const NO_TEXT: [&str; 8] = ["%ff", "x=%C3", "%ff=1", "x=%zz", "x=%", "x=%2", "%", "select=%ff"];

#[tokio::test]
async fn a_sign_in_refuses_what_is_no_text_and_no_installation() {
    let service = TestService::new().await;
    for url in ["/api/v1/github/login", "/api/github/v1/callback", "/api/v1/gitlab/callback"] {
        let numbers = ["x", "-1", "", "9223372036854775808", "%00"].map(|id| format!("installation_id={id}"));
        for query in NO_TEXT.into_iter().map(str::to_owned).chain(numbers) {
            let reply = send_anonymously(&service, &Method::GET, &format!("{url}?{query}"), "").await;
            assert_eq!(reply.failed(400), "INVALID_QUERY", "{url}?{query}");
        }
        for odd in
            ["return_to=%00", "state=%00", "code=%00&state=%F0%9F%A6%80", &format!("state={}", "s".repeat(9_000))]
        {
            let status = send_anonymously(&service, &Method::GET, &format!("{url}?{odd}"), "").await.status.as_u16();
            assert!(matches!(status, 302 | 403), "{url}?{odd}: {status}");
        }
    }
}

#[tokio::test]
async fn a_query_that_is_no_text_is_refused_everywhere() {
    let service = TestService::new().await;
    let token = service.admin_token(&ALL);
    let routes = ["key/a", "count/key/a", "size/key/a", "iter/a"].map(|path| format!("{KV}/{path}"));
    for url in routes.iter().map(String::as_str).chain(LISTINGS) {
        for query in NO_TEXT {
            let reply = service.get(&format!("{url}?{query}"), &token).await;
            assert_eq!(reply.failed(400), "INVALID_QUERY", "{url}?{query}");
        }
    }
}

#[tokio::test]
async fn ten_thousand_parameters_are_no_trouble() {
    let service = TestService::new().await;
    let token = service.admin_token(&ALL);
    let routes = ["key/a", "count/key/a", "iter/a"].map(|path| format!("{KV}/{path}"));
    let unknown = (0..10_000).map(|number| format!("p{number}=1")).collect::<Vec<_>>().join("&");
    let empty = "&".repeat(10_000);
    let commas = format!("select={}", ",".repeat(10_000));
    let flags = "another=true&".repeat(4_000);
    for url in routes.iter().map(String::as_str).chain(LISTINGS) {
        for query in [&unknown[..60_000], &empty, &commas, &flags] {
            let reply = service.get(&format!("{url}?{query}"), &token).await;
            assert!(matches!(reply.status.as_u16(), 200 | 404), "{url}: {reply:?}");
        }
    }
}
