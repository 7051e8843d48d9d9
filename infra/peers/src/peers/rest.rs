//! terrapi, and the same service in a few lines of Node and of Python: three peers with one API.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;
use terrapi::runtime::Random;

use super::{Peer, Stage, TERRAPI, engine};
use crate::Result;
use crate::api::{Api, Header, Request};
use crate::process::{Process, free_port};

struct Rest {
    /// `/api/v1/{vcs}/kv/{installation_id}`
    store: String,
    api_key: String,
}

impl Api for Rest {
    fn read(&self, key: &str) -> Request {
        Request::new("GET", format!("{}/key/{key}", self.store), "")
    }

    fn write(&self, key: &str, value: &str) -> Request {
        Request::new("PUT", format!("{}/key/{key}", self.store), json!({ "data": value }).to_string())
    }

    fn compare_and_set(&self, key: &str, value: &str, version: &str) -> Request {
        let body = format!(r#"{{"version":{version},"data":"{value}"}}"#);
        Request::new("PUT", format!("{}/cas/key/{key}", self.store), body)
    }

    fn version(&self, answer: &Value) -> Option<u64> {
        answer.get("version")?.as_u64()
    }

    fn value<'a>(&self, answer: &'a Value) -> Option<&'a str> {
        answer.get("data")?.as_str()
    }

    fn login(&self) -> Option<(Request, Option<Header>)> {
        Some((Request::new("POST", "/api/v1/access-token/refresh", ""), Some(bearer(&self.api_key))))
    }

    fn token(&self, answer: &Value) -> Option<Header> {
        answer.get("token")?.as_str().map(bearer)
    }
}

fn bearer(token: &str) -> Header {
    ("authorization", format!("Bearer {token}"))
}

/// terrapi as one process with its data in a file.
pub async fn terrapi(stage: &Stage, folder: TempDir) -> Result<Peer> {
    let port = free_port()?;
    let data = folder.path().join("data");
    let mut command = Command::new(stage.workspace.join("target/release/terrapi"));
    command.args(["serve", "--dev", "--data"]).arg(&data).args(["--listen", &format!("127.0.0.1:{port}")]);
    let mut process = Process::start(&mut command, folder.path(), "terrapi")?;
    let connection = process.until(async || connection(&data)).await?;
    let text = |name: &str| {
        let value = connection.get(name).and_then(Value::as_str);
        value.map(str::to_owned).ok_or_else(|| format!("connection.json has no {name}"))
    };
    let store = format!("/api/v1/{}/kv/{}", text("vcs")?, text("installation_id")?);
    let api = Rest { store, api_key: text("api_key")? };
    ready(
        stage,
        Peer {
            name: TERRAPI,
            base_url: text("base_url")?,
            api: Box::new(api),
            processes: vec![process],
            _folder: folder,
        },
    )
    .await
}

fn connection(data: &Path) -> Result<Value> {
    Ok(serde_json::from_slice(&std::fs::read(data.join("connection.json"))?)?)
}

/// The service in Node.
pub async fn node(stage: &Stage, folder: TempDir) -> Result<Peer> {
    let mut command = Command::new("node");
    command.arg(stage.workspace.join("infra/peers/node/server.js")).env("NODE_ENV", "production");
    script("Node", command, stage, folder).await
}

/// The service in Python.
pub async fn python(stage: &Stage, folder: TempDir) -> Result<Peer> {
    let mut command = Command::new(stage.python_program("python"));
    command.arg(stage.workspace.join("infra/peers/python/server.py"));
    script("Python", command, stage, folder).await
}

/// Starts a script and the embedded engine that it uses.
async fn script(name: &'static str, mut command: Command, stage: &Stage, folder: TempDir) -> Result<Peer> {
    let id = Random::default().id()?.simple().to_string();
    let secret = Random::default().id()?.simple().to_string();
    let api_key = format!("{id}.{secret}");
    let mut engine = Process::start(&mut engine::command(folder.path(), &api_key)?, folder.path(), "engine")?;
    let environment = engine.until(async || engine::environment(folder.path())).await?;
    let port = free_port()?;
    command.envs(environment).env("PORT", port.to_string());
    let server = Process::start(&mut command, folder.path(), "server")?;
    let api = Rest { store: format!("/api/v1/github/kv/{}", engine::INSTALLATION), api_key };
    let base_url = format!("http://127.0.0.1:{port}");
    ready(stage, Peer { name, base_url, api: Box::new(api), processes: vec![server, engine], _folder: folder }).await
}

/// Waits until the peer exchanges its key.
async fn ready(stage: &Stage, mut peer: Peer) -> Result<Peer> {
    let Some((request, header)) = peer.api.login() else { return Ok(peer) };
    let base_url = peer.base_url.clone();
    let server = peer.processes.first_mut().ok_or("a peer without a process")?;
    server.until(async || stage.client.send(&base_url, &request, header.as_ref()).await).await?;
    Ok(peer)
}
