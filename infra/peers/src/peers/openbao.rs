//! `OpenBao`: the KV store of version 2, with tokens of an `AppRole` whose policy allows that store alone.

use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{OPENBAO_RAFT, Peer, Stage};
use crate::Result;
use crate::api::{Api, Header, Request};
use crate::client::Client;
use crate::process::{Process, free_port};

/// The root token of the server in memory, which only sets it up.
const ROOT: &str = "root";
const POLICY: &str = r#"path "secret/data/*" { capabilities = ["create", "read", "update"] }"#;

struct OpenBao {
    role_id: String,
    secret_id: String,
}

impl Api for OpenBao {
    fn read(&self, key: &str) -> Request {
        Request::new("GET", format!("/v1/secret/data/{key}"), "")
    }

    fn write(&self, key: &str, value: &str) -> Request {
        Request::new("POST", format!("/v1/secret/data/{key}"), json!({ "data": { "value": value } }).to_string())
    }

    fn compare_and_set(&self, key: &str, value: &str, version: &str) -> Request {
        let body = format!(r#"{{"options":{{"cas":{version}}},"data":{{"value":"{value}"}}}}"#);
        Request::new("POST", format!("/v1/secret/data/{key}"), body)
    }

    fn version(&self, answer: &Value) -> Option<u64> {
        answer.pointer("/data/version")?.as_u64()
    }

    fn value<'a>(&self, answer: &'a Value) -> Option<&'a str> {
        answer.pointer("/data/data/value")?.as_str()
    }

    fn login(&self) -> Option<(Request, Option<Header>)> {
        let body = json!({ "role_id": self.role_id, "secret_id": self.secret_id });
        Some((Request::new("POST", "/v1/auth/approle/login", body.to_string()), None))
    }

    fn token(&self, answer: &Value) -> Option<Header> {
        answer.pointer("/auth/client_token")?.as_str().map(token)
    }
}

fn token(token: &str) -> Header {
    ("x-vault-token", token.to_owned())
}

/// Development mode: everything in memory.
pub async fn memory(stage: &Stage, folder: TempDir) -> Result<Peer> {
    let address = format!("127.0.0.1:{}", free_port()?);
    let mut command = Command::new(stage.python_program("bao"));
    command.args(["server", "-dev", "-dev-no-store-token"]).env("HOME", folder.path());
    command.arg(format!("-dev-root-token-id={ROOT}")).arg(format!("-dev-listen-address={address}"));
    let mut process = Process::start(&mut command, folder.path(), "openbao")?;
    let base_url = format!("http://{address}");
    let health = Request::new("GET", "/v1/sys/health", "");
    process.until(async || stage.client.send(&base_url, &health, None).await).await?;
    let api = set_up(&stage.client, &base_url, ROOT, &mut process).await?;
    Ok(Peer { name: "OpenBao, memory", base_url, api: Box::new(api), processes: vec![process], _folder: folder })
}

/// One node with the integrated storage, which writes to disk before it answers; initialized and unsealed.
pub async fn raft(stage: &Stage, folder: TempDir) -> Result<Peer> {
    let (port, cluster, data) = (free_port()?, free_port()?, folder.path().join("raft"));
    std::fs::create_dir(&data)?;
    let configuration = json!({
        "storage": { "raft": { "path": data, "node_id": "one" } },
        "listener": { "tcp": { "address": format!("127.0.0.1:{port}"), "tls_disable": true } },
        "api_addr": format!("http://127.0.0.1:{port}"),
        "cluster_addr": format!("https://127.0.0.1:{cluster}"),
    });
    let file = folder.path().join("openbao.json");
    std::fs::write(&file, configuration.to_string())?;
    let mut command = Command::new(stage.python_program("bao"));
    command.arg("server").arg("-config").arg(&file).env("HOME", folder.path());
    let mut process = Process::start(&mut command, folder.path(), "openbao")?;
    let base_url = format!("http://127.0.0.1:{port}");
    let client = &stage.client;
    let initialized = Request::new("GET", "/v1/sys/init", "");
    process.until(async || client.send(&base_url, &initialized, None).await).await?;
    let init = Request::new("PUT", "/v1/sys/init", json!({ "secret_shares": 1, "secret_threshold": 1 }).to_string());
    let keys = client.send(&base_url, &init, None).await?;
    let text = |pointer| keys.pointer(pointer).and_then(Value::as_str).ok_or("OpenBao returned no keys");
    let unseal = Request::new("PUT", "/v1/sys/unseal", json!({ "key": text("/keys_base64/0")? }).to_string());
    client.send(&base_url, &unseal, None).await?;
    let root = text("/root_token")?;
    let mount = json!({ "type": "kv", "options": { "version": "2" } }).to_string();
    let mount = Request::new("POST", "/v1/sys/mounts/secret", mount);
    process.until(async || client.send(&base_url, &mount, Some(&token(root))).await).await?;
    let api = set_up(client, &base_url, root, &mut process).await?;
    Ok(Peer { name: OPENBAO_RAFT, base_url, api: Box::new(api), processes: vec![process], _folder: folder })
}

/// Creates the policy and the role, and waits until the KV store accepts a write.
async fn set_up(client: &Client, base_url: &str, root: &str, process: &mut Process) -> Result<OpenBao> {
    let root = token(root);
    let role = json!({ "token_policies": ["peer"], "token_ttl": "10m" });
    for (path, body) in [
        ("/v1/sys/policies/acl/peer", json!({ "policy": POLICY })),
        ("/v1/sys/auth/approle", json!({ "type": "approle" })),
        ("/v1/auth/approle/role/peer", role),
    ] {
        client.send(base_url, &Request::new("POST", path, body.to_string()), Some(&root)).await?;
    }
    let of_role = async |method: &'static str, name: &str| {
        let request = Request::new(method, format!("/v1/auth/approle/role/peer/{name}"), "");
        let answer = client.send(base_url, &request, Some(&root)).await?;
        let text = answer.pointer(&format!("/data/{}", name.replace('-', "_"))).and_then(Value::as_str);
        text.map(str::to_owned).ok_or_else(|| format!("OpenBao returned no {name}").into())
    };
    let (role_id, secret_id): (Result<_>, Result<_>) =
        (of_role("GET", "role-id").await, of_role("POST", "secret-id").await);
    let api = OpenBao { role_id: role_id?, secret_id: secret_id? };
    // A new KV store refuses writes for a moment.
    let first = api.write("first", "");
    process.until(async || client.send(base_url, &first, Some(&root)).await).await?;
    Ok(api)
}
