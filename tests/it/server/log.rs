//! The log of a process that is not for a developer.

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use terrapi_watch::function::client;

use crate::smoke::stack::{DataDir, free_port};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_line_is_a_json_object_with_a_time() {
    let (data, port) = (DataDir::new("json-log"), free_port());
    let (log, base_url) = (data.path().join("log"), format!("http://127.0.0.1:{port}"));
    let mut process = Command::new(env!("CARGO_BIN_EXE_terrapi-tested"))
        .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--data"])
        .arg(data.path().join("data"))
        .env_remove("RUST_LOG")
        .stdout(File::create(&log).unwrap())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let (http, deadline) = (client().unwrap(), Instant::now() + Duration::from_secs(30));
    while !http.get(format!("{base_url}/health")).send().await.is_ok_and(|answer| answer.status() == 200) {
        assert!(Instant::now() < deadline && process.try_wait().unwrap().is_none(), "it does not start");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    process.kill().unwrap();
    process.wait().unwrap();
    let log = fs::read_to_string(log).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["timestamp"].is_string() && line["level"].is_string()), "{log}");
    let requests: Vec<_> = lines.iter().filter(|line| line["message"] == "request").collect();
    assert_eq!(requests.len(), 1, "{log}");
    assert_eq!((&requests[0]["path"], &requests[0]["status"]), (&"/health".into(), &200.into()));
    assert!(requests[0]["id"].is_string() && requests[0]["duration_ms"].is_u64(), "{log}");
}
