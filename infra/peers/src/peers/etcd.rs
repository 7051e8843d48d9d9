//! etcd through its JSON gateway. It is used without tokens: its users and roles cannot be compared with an exchange.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Peer, Stage};
use crate::Result;
use crate::api::{Api, Header, Request};
use crate::process::{Process, free_port};

struct Etcd;

impl Api for Etcd {
    fn read(&self, key: &str) -> Request {
        Request::new("POST", "/v3/kv/range", json!({ "key": STANDARD.encode(key) }).to_string())
    }

    fn write(&self, key: &str, value: &str) -> Request {
        let body = json!({ "key": STANDARD.encode(key), "value": value });
        Request::new("POST", "/v3/kv/put", body.to_string())
    }

    fn compare_and_set(&self, key: &str, value: &str, version: &str) -> Request {
        let key = STANDARD.encode(key);
        let body = json!({
            "compare": [{ "key": key, "target": "VERSION", "result": "EQUAL", "version": version }],
            "success": [{ "requestPut": { "key": key, "value": value } }],
        });
        Request::new("POST", "/v3/kv/txn", body.to_string())
    }

    fn version(&self, _: &Value) -> Option<u64> {
        Some(1)
    }

    fn success(&self) -> &'static str {
        r#""succeeded":true"#
    }

    fn value<'a>(&self, answer: &'a Value) -> Option<&'a str> {
        answer.get("kvs")?.get(0)?.get("value")?.as_str()
    }

    fn login(&self) -> Option<(Request, Option<Header>)> {
        None
    }

    fn token(&self, _: &Value) -> Option<Header> {
        None
    }
}

/// One member with its defaults: each write is on disk before it is answered, each read is linearizable.
pub async fn start(stage: &Stage, folder: TempDir) -> Result<Peer> {
    let client_url = format!("http://127.0.0.1:{}", free_port()?);
    let member_url = format!("http://127.0.0.1:{}", free_port()?);
    let mut command = Command::new("etcd");
    command.arg("--data-dir").arg(folder.path().join("data")).args(["--name", "one", "--logger", "zap"]);
    command.args(["--listen-client-urls", &client_url, "--advertise-client-urls", &client_url]);
    command.args(["--listen-peer-urls", &member_url, "--initial-advertise-peer-urls", &member_url]);
    command.args(["--initial-cluster", &format!("one={member_url}")]);
    let mut process = Process::start(&mut command, folder.path(), "etcd")?;
    let health = Request::new("GET", "/health", "");
    process.until(async || stage.client.send(&client_url, &health, None).await).await?;
    Ok(Peer { name: "etcd", base_url: client_url, api: Box::new(Etcd), processes: vec![process], _folder: folder })
}
