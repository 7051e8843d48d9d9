//! What a client may say about itself, and what monitoring sees.

use std::time::{Duration, Instant};

use crate::smoke::client::Client;
use crate::smoke::stack::{Connection, DataDir, Program, Stack, free_port};

/// Whether a page of `https://elsewhere.example` counts as the service's own page, if the forwarded headers say so.
async fn is_own_page(connection: &Connection) -> bool {
    let client = terrapi_watch::function::client().unwrap();
    let path = format!("{}/api/v1/github/kv/{}/key/page", connection.base_url, connection.installation_id);
    let request = client.put(path).header("cookie", &connection.session_cookie);
    let request = request.header("x-forwarded-host", "elsewhere.example").header("x-forwarded-proto", "https");
    let request = request.header("origin", "https://elsewhere.example").header("content-type", "application/json");
    request.body(r#"{"data": 1}"#).send().await.unwrap().status() == 200
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forwarded_headers_count_only_behind_a_trusted_proxy() {
    for (trusted, variable) in [(false, None), (true, Some(("TERRAPI_TRUST_PROXY", "true")))] {
        let (data, port) = (DataDir::new("proxy"), free_port());
        let mut stack = Stack::start_with(Program::Serve, &data, port, variable);
        let connection = stack.connection().await;
        assert_eq!(is_own_page(&connection).await, trusted);
        assert_eq!(source_ip(&connection).await.as_deref(), Some(if trusted { "203.0.113.9" } else { "127.0.0.1" }));
        stack.stop(&connection).await;
    }
}

/// The address that the audit trail has for an exchange whose headers claim two others.
async fn source_ip(connection: &Connection) -> Option<String> {
    let http = terrapi_watch::function::client().unwrap();
    let exchange = http.post(format!("{}/api/v1/access-token/refresh", connection.base_url));
    let exchange = exchange.bearer_auth(&connection.api_key).header("x-forwarded-for", "198.51.100.1, 203.0.113.9");
    assert_eq!(exchange.send().await.unwrap().status(), 200);
    // This client exchanges the key as well, without such headers.
    let client = Client::new(connection).await;
    let id = terrapi::auth::ApiKey::parse(&connection.api_key).unwrap().id;
    let path = format!("/api/v1/github/access-token/{id}/audit");
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let trail = client.call(http::Method::GET, &path, None).await.ok();
        let entries = trail["results"].as_array().unwrap();
        let mut addresses: Vec<_> = entries.iter().filter_map(|entry| entry["source_ip"].as_str()).collect();
        // Entries are written beside the answers.
        if addresses.len() >= 2 {
            addresses.sort_unstable();
            return addresses.last().map(|address| (*address).to_owned());
        }
        assert!(Instant::now() < deadline, "the exchanges are not in the trail: {trail}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_count_requests_and_each_request_is_one_log_line() {
    let (data, port) = (DataDir::new("metrics"), free_port());
    let mut stack = Stack::start_with(Program::Serve, &data, port, Some(("RUST_LOG", "warn,access=info")));
    let connection = stack.connection().await;
    let client = Client::new(&connection).await;
    client.get("key/none").await.failed(404);
    let http = terrapi_watch::function::client().unwrap();
    let ready = http.get(format!("{}/ready", connection.base_url)).send().await.unwrap();
    assert_eq!(ready.status(), 200);
    let metrics = http.get(format!("{}/metrics", connection.base_url)).send().await.unwrap().text().await.unwrap();
    let line = r#"terrapi_requests_total{function="kv-store",method="GET",status="404"} 1"#;
    assert!(metrics.contains(line), "{metrics}");
    assert!(metrics.contains(r#"terrapi_request_duration_seconds_count{function="token-refresh"} 1"#), "{metrics}");
    assert!(metrics.contains("terrapi_requests_running 0"), "{metrics}");
    stack.stop(&connection).await;
    let log = data.log();
    let requests: Vec<&str> = log.lines().filter(|line| line.contains("duration_ms")).collect();
    assert_eq!(requests.len(), 2, "{log}");
    assert!(requests[1].contains("status=404") && requests[1].contains("/key/none"), "{log}");
    assert!(!requests.iter().any(|line| line.contains("tt_test_")), "a line contains a credential: {log}");
}
