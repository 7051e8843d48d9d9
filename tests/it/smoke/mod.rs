//! The whole service over HTTP, as `make run` and `make watch` start it. `make test` runs these tests after the others,
//! because they start cargo themselves.

pub mod client;
pub mod stack;

use std::process::Stdio;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::stream::{self, StreamExt};
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use client::Client;
use stack::{Connection, DataDir, Program, Stack, free_port, project};

use crate::support::python;
use crate::support::terraform::Terraform;

const CHUNK: usize = 100 * 1024;

/// The time limit for the worker to fold a commit or to finish a task.
const FOLDED: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_serves_the_flows_and_keeps_its_data() {
    published_flows(Program::Serve).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn emulated_functions_serve_the_flows_and_keep_their_data() {
    published_flows(Program::Watch).await;
}

async fn published_flows(program: Program) {
    let (data, port) = (DataDir::new("flows"), free_port());
    let mut stack = Stack::start(program, &data, port);
    let connection = stack.connection().await;
    assert_eq!(connection.base_url, format!("http://127.0.0.1:{port}"));
    let file: Vec<u8> = (0..3 * 1024 * 1024_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let others = async {
        script("kv.sh", &connection).await;
        keys_of_any_text_round_trip(&connection).await;
        file_round_trips(&connection, &file).await;
        commit_is_folded_by_the_worker(&connection, &data).await;
        refresh_without_github_fails_with_a_reason(&connection).await;
        installation_of_another_user_is_forbidden(&connection).await;
        both_users_are_signed_in(&connection).await;
        clients_of_the_terraform_api_are_served(&connection).await;
    };
    // The first script waits a minute for a token to expire.
    tokio::join!(script("token-refresh.sh", &connection), others);
    match program {
        Program::Serve => thousand_clients_are_served(&connection).await,
        Program::Watch => two_hundred_clients_are_served(&connection).await,
    }
    stack.stop(&connection).await;

    let mut stack = Stack::start(program, &data, port);
    let again = stack.connection().await;
    assert_eq!((&again.api_key, &again.base_url), (&connection.api_key, &connection.base_url));
    assert!(download(&Client::new(&again).await).await == file, "the file outlived the restart");
    assert_eq!(Client::new(&again).await.get("key/folded?idx=1").await.ok()["data"], "second");
    script("kv.sh", &again).await;
    assert_eq!(again.session_cookie, connection.session_cookie);
    both_users_are_signed_in(&again).await;
    stack.stop(&again).await;
}

#[tokio::test]
async fn busy_port_gives_a_one_line_error() {
    let (data, taken) = (DataDir::new("port"), std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap());
    let port = taken.local_addr().unwrap().port();
    for (program, begin, end) in [
        (
            Program::Serve,
            format!("terrapi: 127.0.0.1:{port} cannot be listened on"),
            "choose another address with --listen",
        ),
        (Program::Watch, format!("terrapi-watch: port {port} cannot be listened on"), "set PORT to another one"),
    ] {
        let said = Stack::start(program, &data, port).refused().await;
        let last = said.lines().last().unwrap();
        assert!(last.starts_with(&begin), "{said}");
        assert!(last.ends_with(end), "{said}");
    }
}

/// A thousand connections at once, each used several times. Every request is answered.
async fn thousand_clients_are_served(connection: &Connection) {
    let client = Client::new(connection).await;
    client.put("key/crowd", &json!({"data": "x"})).await;
    let url = format!("{}{}/key/crowd", connection.base_url, client.kv());
    let caller = async |_: usize| {
        // A separate client, which keeps its connection.
        let own = terrapi_watch::function::client().unwrap();
        for _ in 0..3 {
            let request = own.get(&url).bearer_auth(client.token()).timeout(Duration::from_mins(1));
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 200);
            assert!(answer.text().await.unwrap().contains("crowd"));
        }
    };
    futures::future::join_all((0..1_000).map(caller)).await;
}

/// Opens more connections at once than the emulator supports. Each is answered, and the stack still works afterwards.
async fn two_hundred_clients_are_served(connection: &Connection) {
    let url = format!("{}/health", connection.base_url);
    let caller = async |_: usize| {
        // A separate client, which keeps its connection.
        let client = terrapi_watch::function::client().unwrap();
        let mut statuses = Vec::new();
        for _ in 0..5 {
            let answer = client.get(&url).timeout(Duration::from_mins(1)).send().await.unwrap();
            let status = answer.status().as_u16();
            assert!(status == 200 || status == 503 && answer.headers().contains_key("retry-after"), "{status}");
            statuses.push(status);
        }
        statuses
    };
    let statuses = futures::future::join_all((0..200).map(caller)).await.concat();
    let served = statuses.iter().filter(|status| **status == 200).count();
    println!("{served} of {} requests were served", statuses.len());
    assert!(served >= 500, "{served}");
    Client::new(connection).await.get("iter/").await.ok();
}

/// Runs a published script against this service.
async fn script(name: &str, connection: &Connection) {
    let script = project().join("tests/smoke").join(name);
    let output = tokio::process::Command::new("bash")
        .arg(script)
        .env("TERRAPI_URL", &connection.base_url)
        .env("TERRAPI_API_KEY", &connection.api_key)
        .env("TERRAPI_INSTALLATION", &connection.installation_id)
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name}: {}\n{out}{error}", output.status);
    print!("{out}");
}

async fn keys_of_any_text_round_trip(connection: &Connection) {
    let client = Client::new(connection).await;
    let keys =
        ["a b", "100%", "100%25", "what?", "what?idx=1", "a#b", "a/b", "/a//b/", "..", "é/日本語/🦀", "+", "a&b=c"];
    for key in keys {
        let path = utf8_percent_encode(&format!("odd:{key}"), NON_ALPHANUMERIC).to_string();
        client.put(&format!("key/{path}"), &json!({"data": key})).await;
    }
    for key in keys {
        let path = utf8_percent_encode(&format!("odd:{key}"), NON_ALPHANUMERIC).to_string();
        let read = client.get(&format!("key/{path}")).await.ok();
        assert_eq!((&read["data"], &read["key"]), (&json!(key), &json!(format!("odd:{key}"))));
        assert_eq!(client.get(&format!("count/key/{path}")).await.ok()["count"], 1, "{key}");
    }
    // A slash is part of the key, encoded or not.
    assert_eq!(client.get("key/odd:a/b").await.ok()["data"], "a/b");
    let mut listed: Vec<String> = Vec::new();
    let mut next = Some(format!("{}/iter/odd%3A?prefix=true&limit=5", client.kv()));
    while let Some(path) = next {
        let page = client.call(Method::GET, &path, None).await;
        let results = page.ok()["results"].as_array().unwrap().clone();
        listed.extend(results.iter().map(|record| record["data"].as_str().unwrap().to_owned()));
        next = page.next();
    }
    let mut sorted = keys.to_vec();
    sorted.sort_unstable();
    assert_eq!(listed, sorted);
    for key in keys {
        let path = utf8_percent_encode(&format!("odd:{key}"), NON_ALPHANUMERIC).to_string();
        assert_eq!(client.delete(&format!("key/{path}")).await["result"], true, "{key}");
    }
}

async fn file_round_trips(connection: &Connection, file: &[u8]) {
    let client = Client::new(connection).await;
    let chunks: Vec<(usize, Value)> =
        file.chunks(CHUNK).map(|chunk| json!(STANDARD.encode(chunk))).enumerate().collect();
    let expected = chunks.len();
    let uploads = stream::iter(chunks).map(|(idx, data)| {
        let client = &client;
        async move { client.put("cas/key/file.bin", &json!({"data": data, "idx": idx, "committed": false})).await }
    });
    uploads.buffer_unordered(10).collect::<Vec<_>>().await;
    assert_eq!(client.get("key/file.bin").await.failed(404), "NOT_FOUND");
    let committed = client.post("commit", &json!({"keys": [{"key": "file.bin"}]})).await;
    assert_eq!(committed["keys"].as_array().unwrap().len(), expected);
    assert!(download(&client).await == file);
}

async fn download(client: &Client<'_>) -> Vec<u8> {
    let mut file = Vec::new();
    for idx in 0.. {
        let reply = client.get(&format!("key/file.bin?idx={idx}")).await;
        if reply.status == 404 {
            break;
        }
        file.extend(STANDARD.decode(reply.ok()["data"].as_str().unwrap()).unwrap());
    }
    file
}

async fn commit_is_folded_by_the_worker(connection: &Connection, data: &DataDir) {
    let client = Client::new(connection).await;
    client.put("key/folded", &json!({"data": "old"})).await;
    for (idx, data) in ["first", "second"].iter().enumerate() {
        client.put("key/folded", &json!({"data": data, "idx": idx, "committed": false})).await;
    }
    client.post("commit", &json!({"keys": [{"key": "folded"}]})).await;
    let deadline = Instant::now() + FOLDED;
    loop {
        // Readers see the same before, during and after folding.
        let listed = client.get("iter/folded?prefix=true").await.ok();
        let listed: Vec<&Value> = listed["results"].as_array().unwrap().iter().map(|record| &record["data"]).collect();
        assert_eq!(listed, ["first", "second"]);
        if unfolded(data, connection) == 0 {
            break;
        }
        assert!(Instant::now() < deadline, "the worker does not fold");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let overwritten = client.put("key/folded", &json!({"data": "plain"})).await;
    let read = client.get("key/folded").await.ok();
    assert_eq!((&read["data"], &read["version"]), (&json!("plain"), &overwritten["version"]));
    assert_eq!(client.get("key/folded?idx=1").await.ok()["data"], "second");
}

/// The number of commits that the worker has not folded yet: the answers do not show it, so this reads the database file.
fn unfolded(data: &DataDir, connection: &Connection) -> usize {
    let engine = terrapi_local::EmbeddedEngine::open(data.path()).unwrap();
    let query = json!({
        "TableName": "terrapi-kv", "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": format!("{}#{}#head", connection.vcs, connection.installation_id)}},
    });
    let found = engine.database().query(serde_json::from_value(query).unwrap()).unwrap();
    let head = serde_json::to_value(found).unwrap();
    head.pointer("/Items/0/commits/M").and_then(Value::as_object).map_or(0, serde_json::Map::len)
}

async fn refresh_without_github_fails_with_a_reason(connection: &Connection) {
    let client = Client::in_installation(connection).await;
    let path = format!("/api/v1/{}/installations/{}/repos/refresh", connection.vcs, connection.installation_id);
    let begun = client.call(Method::POST, &path, None).await.ok();
    let path = format!("/api/v1/tasks/{}", begun["id"].as_str().unwrap());
    let deadline = Instant::now() + FOLDED;
    loop {
        let task = client.call(Method::GET, &path, None).await.ok();
        if task["state"] != "pending" && task["state"] != "running" {
            assert_eq!((&task["state"], &task["error"]), (&json!("failed"), &json!("GitHub is not configured")));
            break;
        }
        assert!(Instant::now() < deadline, "the worker does not handle the task: {task}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn installation_of_another_user_is_forbidden(connection: &Connection) {
    let client = Client::new(connection).await;
    let other = format!("/api/v1/{}/kv/{}/iter/", connection.vcs, connection.other_installation_id);
    client.call(Method::GET, &other, None).await.ok();
    let nobodys = format!("/api/v1/{}/kv/424242/iter/", connection.vcs);
    assert_eq!(client.call(Method::GET, &nobodys, None).await.failed(403), "INSTALLATION_FORBIDDEN");
}

async fn both_users_are_signed_in(connection: &Connection) {
    let client = Client::new(connection).await;
    let (own, other) = (&connection.session_cookie, &connection.other_session_cookie);
    let administrator = client.browse(Method::GET, "/api/v1/whoami", own, None).await.ok();
    let second = client.browse(Method::GET, "/api/v1/whoami", other, None).await.ok();
    assert_ne!(administrator["id"], second["id"]);
    let shared = format!("/api/v1/{}/kv/{}", connection.vcs, connection.other_installation_id);
    let body = json!({"data": "from a page"});
    client.browse(Method::PUT, &format!("{shared}/key/page"), own, Some(&body)).await.ok();
    let read = client.browse(Method::GET, &format!("{shared}/key/page"), other, None).await.ok();
    assert_eq!(read["data"], "from a page");
    let refused = client.browse(Method::GET, &format!("{}/iter/", client.kv()), other, None).await;
    assert_eq!(refused.failed(403), "INSTALLATION_FORBIDDEN");
}

/// The front end does not know their media type as text, so their bodies arrive in base64.
async fn clients_of_the_terraform_api_are_served(connection: &Connection) {
    let client = python::Client {
        base_url: &connection.base_url,
        organization: &connection.organization,
        organization_token: &connection.organization_token,
        api_key: &connection.api_key,
        team_id: &connection.team_id,
    };
    for flow in ["pytfe_flow.py", "terrasnek_flow.py", "rate_limit_flow.py"] {
        client.run(flow).await;
    }
    let (organization, token) = (&connection.organization, &connection.organization_token);
    Terraform { origin: &connection.base_url, organization, token }.run().await;
}
