//! The peers: how each is started, and how it spells the operations.

pub mod engine;
mod etcd;
mod openbao;
mod rest;

use std::path::PathBuf;

use tempfile::TempDir;

use crate::Result;
use crate::api::{Api, Header};
use crate::client::Client;
use crate::process::Process;

pub const TERRAPI: &str = "terrapi";
pub const OPENBAO_RAFT: &str = "OpenBao, raft";
/// All peers, terrapi first.
pub const NAMES: [&str; 6] = [TERRAPI, OPENBAO_RAFT, "OpenBao, memory", "etcd", "Node", "Python"];

/// A running peer. Its processes and its data are removed when it is dropped.
pub struct Peer {
    pub name: &'static str,
    pub base_url: String,
    pub api: Box<dyn Api>,
    // Before the folder, so that they end before it is removed.
    processes: Vec<Process>,
    _folder: TempDir,
}

/// What a peer is started with.
pub struct Stage {
    pub client: Client,
    /// The project's folder.
    pub workspace: PathBuf,
}

impl Stage {
    /// A program that `make bench-peers` installs for Python.
    fn python_program(&self, name: &str) -> PathBuf {
        self.workspace.join(".tools/peers/bin").join(name)
    }
}

impl Peer {
    /// Starts a peer of [`NAMES`] and waits until it answers.
    pub async fn start(name: &'static str, stage: &Stage) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("terrapi-peers-").tempdir()?;
        match name {
            TERRAPI => rest::terrapi(stage, folder).await,
            OPENBAO_RAFT => openbao::raft(stage, folder).await,
            "OpenBao, memory" => openbao::memory(stage, folder).await,
            "etcd" => etcd::start(stage, folder).await,
            "Node" => rest::node(stage, folder).await,
            "Python" => rest::python(stage, folder).await,
            _ => Err(format!("there is no peer {name:?}; there are {}", NAMES.join("; ")).into()),
        }
    }

    /// The resident memory of all its processes in MiB.
    pub fn resident(&self) -> Result<f64> {
        self.processes.iter().map(Process::resident).sum()
    }

    /// A new token, in its header. `None` if the peer is used without tokens.
    pub async fn sign_in(&self, client: &Client) -> Result<Option<Header>> {
        let Some((request, header)) = self.api.login() else { return Ok(None) };
        let answer = client.send(&self.base_url, &request, header.as_ref()).await?;
        Ok(Some(self.api.token(&answer).ok_or_else(|| format!("{}: no token in {answer}", self.name))?))
    }
}
