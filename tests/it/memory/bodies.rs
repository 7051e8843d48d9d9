//! Request bodies that would need many times their size in memory if parsed into a tree of values.

use std::fmt::Write;

use http::Method;
use terrapi::domain::Capability::{AccessTokenCreate, KvStoreRead};

use super::{Sent, measure};
use crate::support::TestService;
use crate::support::service::KV;

const MIB: usize = 1024 * 1024;
/// The maximum body size.
const BODY_BYTES: usize = 5 * MIB;
/// The memory limit of a request, as a multiple of its body.
const TIMES: usize = 4;

/// `open`, as many comma-separated copies of `element` as fit into `bytes`, and `close`.
fn filled(bytes: usize, open: &str, element: &str, close: &str) -> String {
    let count = (bytes - open.len() - close.len()) / (element.len() + 1);
    let mut text = String::with_capacity(bytes);
    text.push_str(open);
    text.extend(std::iter::repeat_n(element, count - 1).flat_map(|element| [element, ","]));
    text + element + close
}

/// Like `filled`, with `"<number>":0` as the elements.
fn numbered(bytes: usize, open: &str, close: &str) -> String {
    let mut text = open.to_owned();
    let mut number = 0;
    while text.len() + close.len() + 16 < bytes {
        write!(text, "\"{number}\":0,").unwrap();
        number += 1;
    }
    text + "\"\":0" + close
}

/// A function's route, a light body for the warm-up, and heavy bodies to measure.
struct Target<'a> {
    function: &'static str,
    method: Method,
    path: String,
    token: &'a str,
    light: &'static str,
    heavy: Vec<String>,
}

async fn hold_to_the_limit(service: &TestService, target: Target<'_>) {
    let Target { function, method, path, token, light, heavy } = target;
    let sizes: Vec<usize> = heavy.iter().map(String::len).collect();
    let bodies = std::iter::once(light.to_owned()).chain(heavy);
    let sent = |body| Sent { method: method.clone(), path: path.clone(), token: token.to_owned(), body };
    let requests: Vec<Sent> = bodies.map(sent).collect();
    let measured = measure(service, function, &requests).await;
    let mut largest = 0;
    for (request, (measured, size)) in requests[1..].iter().zip(measured[1..].iter().zip(sizes)) {
        largest = largest.max(size);
        println!("{function} {:.50}: {} bytes, {measured:?}", request.body, size);
        assert!(measured.status < 500, "{function} {:.50}: {measured:?}", request.body);
        assert!(measured.grown_bytes <= TIMES * largest, "{function} {:.50}: {measured:?}", request.body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn write_uses_at_most_four_times_its_body_in_memory() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let big = BODY_BYTES;
    let set = Target {
        function: "kv-store",
        method: Method::PUT,
        path: format!("{KV}/key/a"),
        token: &token,
        light: r#"{"data":1}"#,
        heavy: vec![
            filled(4 * MIB, r#"{"data":["#, r#"{"":0}"#, "]}"),
            filled(4 * MIB, r#"{"value":["#, "[]", "]}"),
            filled(big, r#"{"data":1,"read_caps":["#, r#"{"":0}"#, "]}"),
            filled(big, r#"{"data":1,"write_caps":["#, r#""kv_store_read""#, "]}"),
        ],
    };
    hold_to_the_limit(&service, set).await;
    let commit = Target {
        function: "kv-store",
        method: Method::POST,
        path: format!("{KV}/commit"),
        token: &token,
        light: r#"{"keys":[]}"#,
        heavy: vec![
            filled(big, r#"{"keys":["#, r#"{"key":"a"}"#, "]}"),
            filled(big, r#"{"keys":["#, r#"{"":0}"#, "]}"),
        ],
    };
    hold_to_the_limit(&service, commit).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn capability_list_uses_at_most_four_times_its_body() {
    let service = TestService::new().await;
    let (token, key) = (service.token(&[AccessTokenCreate, KvStoreRead]), service.api_key(&[KvStoreRead]).await);
    let big = BODY_BYTES;
    let routes = [
        ("admin", "/api/v1/github/access-token", &token, r#"{"name":"a","capabilities":[]}"#),
        ("token-refresh", "/api/v1/access-token/refresh", &key, r#"{"capabilities":[]}"#),
    ];
    for (function, path, token, light) in routes {
        let heavy = vec![
            filled(big, r#"{"name":"a","capabilities":["#, r#""kv_store_read""#, "]}"),
            filled(big, r#"{"name":"a","capabilities":["#, r#"{"":0}"#, "]}"),
            numbered(big, r#"{"name":"a","capabilities":[{"#, "}]}"),
            filled(big, r#"{"name":"a","capabilities":[["#, "[]", "]]}"),
        ];
        let path = path.to_owned();
        hold_to_the_limit(&service, Target { function, method: Method::POST, path, token, light, heavy }).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_api_document_uses_at_most_four_times_its_body() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let big = BODY_BYTES;
    let team = Target {
        function: "team-tokens",
        method: Method::POST,
        path: "/api/v2/organizations/acme/teams".into(),
        token: &acme.organization_token,
        light: r#"{"data":{"attributes":{"name":"b"}}}"#,
        heavy: vec![
            filled(big, r#"{"data":{"attributes":{"name":["#, r#"{"":0}"#, "]}}}"),
            numbered(big, r#"{"data":{"attributes":{"#, "}}}"),
            filled(big, r#"{"data":["#, r#"{"":0}"#, "]}"),
            filled(big, "[", r#"{"":0}"#, "]"),
        ],
    };
    hold_to_the_limit(&service, team).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unread_body_uses_at_most_four_times_its_size() {
    let service = TestService::new().await;
    let token = service.token(&[AccessTokenCreate]);
    for (function, method, path) in [
        ("installations", Method::PUT, "/api/v1/gitlab/installations/1/access-token"),
        ("identity", Method::POST, "/api/v1/logout"),
        ("console", Method::GET, "/docs"),
    ] {
        let heavy = vec![filled(BODY_BYTES, r#"{"access_token":["#, r#"{"":0}"#, "]}")];
        let (path, light) = (path.to_owned(), "{}");
        hold_to_the_limit(&service, Target { function, method, path, token: &token, light, heavy }).await;
    }
}
