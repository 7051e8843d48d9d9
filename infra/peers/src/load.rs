//! The load: wrk with the scripts of `wrk/`, which send requests that this program prepares.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tempfile::NamedTempFile;
use tokio::process::Command;

use crate::Result;
use crate::api::{Header, Request};

/// How long a single answer may take.
const ANSWER_TIMEOUT: &str = "10s";
/// How much longer than the load wrk may run, to connect and to end.
const GRACE: Duration = Duration::from_mins(1);

/// What wrk counted, in the shape that `wrk/result.lua` prints as JSON.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Counted {
    pub requests: u64,
    microseconds: u64,
    /// The size of all answers, with their headers.
    pub bytes: u64,
    /// Latencies in microseconds.
    p50: u64,
    p99: u64,
    /// Answers of 400 and above.
    pub status: u64,
    /// Connections that failed or broke.
    pub socket: u64,
    /// Answers that took longer than [`ANSWER_TIMEOUT`].
    pub timeout: u64,
    /// Compare-and-sets that met another version.
    pub conflicts: u64,
}

#[expect(clippy::cast_precision_loss, reason = "counts of seconds")]
impl Counted {
    /// Requests a second, without conflicts.
    pub fn per_second(&self) -> f64 {
        self.requests.saturating_sub(self.conflicts) as f64 * 1e6 / self.microseconds as f64
    }

    /// The median latency in milliseconds.
    pub fn p50(&self) -> f64 {
        self.p50 as f64 / 1e3
    }

    /// In milliseconds.
    pub fn p99(&self) -> f64 {
        self.p99 as f64 / 1e3
    }
}

/// A record that is updated by compare-and-set.
pub struct Record {
    /// The update, with [`VERSION`](crate::api::VERSION) in its body.
    pub request: Request,
    /// The version before the load.
    pub version: u64,
}

/// The shape of the load.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// How many clients send one request after the other, each on its own connection.
    pub clients: usize,
    pub seconds: u64,
}

impl Load {
    /// Sends the requests, each time one at random.
    pub async fn random(
        self,
        scripts: &Path,
        base_url: &str,
        header: Option<&Header>,
        requests: &[Request],
    ) -> Result<Counted> {
        let file = prepared(requests.iter().map(|request| (request, String::new())))?;
        // One thread sends more than the servers answer; a second one only for very many connections.
        let threads = if self.clients > 64 { 2 } else { 1 };
        let arguments = [file.path().display().to_string()];
        self.run(scripts, "random.lua", threads, base_url, header, &arguments).await
    }

    /// Sends compare-and-sets to records, of which each client has its own. `success` is that of
    /// [`Api`](crate::api::Api).
    pub async fn compare_and_set(
        self,
        scripts: &Path,
        base_url: &str,
        header: Option<&Header>,
        records: &[Record],
        success: &str,
    ) -> Result<Counted> {
        let file = prepared(records.iter().map(|Record { request, version }| (request, version.to_string())))?;
        let arguments = [file.path().display().to_string(), self.clients.to_string(), success.to_owned()];
        self.run(scripts, "compare_and_set.lua", self.clients, base_url, header, &arguments).await
    }

    async fn run(
        self,
        scripts: &Path,
        script: &str,
        threads: usize,
        base_url: &str,
        header: Option<&Header>,
        arguments: &[String],
    ) -> Result<Counted> {
        let mut command = Command::new("wrk");
        command.current_dir(scripts).args(["--script", script, "--timeout", ANSWER_TIMEOUT]);
        command.args(["--threads", &threads.to_string(), "--connections", &self.clients.to_string()]);
        command.args(["--duration", &format!("{}s", self.seconds), "--header", "Content-Type: application/json"]);
        if let Some((name, value)) = header {
            command.args(["--header", &format!("{name}: {value}")]);
        }
        command.arg(base_url).arg("--").args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        let limit = Duration::from_secs(self.seconds) + GRACE;
        let output = tokio::time::timeout(limit, command.output()).await.map_err(|_| "wrk does not end")??;
        let text = String::from_utf8_lossy(&output.stdout);
        let result = text.lines().find(|line| line.starts_with('{'));
        let failed = || format!("wrk printed no result: {text}{}", String::from_utf8_lossy(&output.stderr));
        Ok(serde_json::from_str(result.ok_or_else(failed)?)?)
    }
}

/// The requests and versions in a file, in the form that `wrk/result.lua` reads.
fn prepared<'a>(requests: impl Iterator<Item = (&'a Request, String)>) -> Result<NamedTempFile> {
    let mut file = NamedTempFile::new()?;
    let mut text = String::new();
    for (Request { method, path, body }, version) in requests {
        text.extend([method, "\t", path, "\t", body, "\t", &version, "\n"]);
    }
    file.write_all(text.as_bytes())?;
    Ok(file)
}
