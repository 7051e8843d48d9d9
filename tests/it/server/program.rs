//! The program and its data folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use serde_json::Value;

/// The time limit of a start and of a stop.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);
/// The KV store of the installation that `serve --dev` creates.
pub const KV: &str = "/api/v1/github/kv/12345";

/// A temporary folder for data folders and backups, removed when this is dropped.
pub struct Place(PathBuf);

impl Place {
    pub fn new(name: &str) -> Self {
        let place = std::env::temp_dir().join(format!("terrapi-server-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&place);
        fs::create_dir_all(&place).unwrap();
        Self(place)
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What a command said.
#[derive(Debug)]
pub struct Said {
    pub success: bool,
    pub out: String,
    pub err: String,
}

impl Said {
    /// The output of a command that succeeded.
    pub fn ok(self) -> String {
        assert!(self.success, "{self:?}");
        self.out
    }

    /// The only line of a command that failed.
    pub fn refusal(self) -> String {
        assert!(!self.success, "{self:?}");
        let line = self.err.trim_end().to_owned();
        assert!(line.starts_with("terrapi: ") && !line.contains('\n'), "{line}");
        line
    }
}

fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_terrapi-tested"));
    command.args(arguments).arg("--data").arg(data).env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub fn run(data: &Path, arguments: &[&str]) -> Said {
    let output = command(data, arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { success: output.status.success(), out: text(output.stdout), err: text(output.stderr) }
}

/// Runs `terrapi admin`.
pub fn admin(data: &Path, arguments: &[&str]) -> Said {
    run(data, &[&["admin"], arguments].concat())
}

/// A running `terrapi serve --dev`. It is killed when this is dropped.
pub struct Served {
    process: Child,
    pub base_url: String,
    /// The key of the administrator that `--dev` creates.
    pub api_key: String,
}

impl Served {
    pub fn start(data: &Path) -> Self {
        let connection = data.join("connection.json");
        let _ = fs::remove_file(&connection);
        let log = data.with_extension("log");
        let file = File::create(&log).unwrap();
        let mut command = command(data, &["serve", "--dev", "--listen", "127.0.0.1:0"]);
        let mut process = command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        let deadline = Instant::now() + PATIENCE;
        let said = || fs::read_to_string(&log).unwrap();
        let connection: Value = loop {
            if let Ok(text) = fs::read_to_string(&connection) {
                break serde_json::from_str(&text).unwrap();
            }
            assert!(process.try_wait().unwrap().is_none(), "it ended:\n{}", said());
            assert!(Instant::now() < deadline, "it does not start:\n{}", said());
            std::thread::sleep(POLL);
        };
        let text = |name: &str| connection[name].as_str().unwrap().to_owned();
        Self { process, base_url: text("base_url"), api_key: text("api_key") }
    }

    /// Stops it as a supervisor does.
    pub fn stop(mut self) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let deadline = Instant::now() + PATIENCE;
        while self.process.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "it does not stop");
            std::thread::sleep(POLL);
        }
    }

    /// A client with an access token of this key.
    pub async fn client(&self, api_key: &str) -> Client {
        let http = terrapi_watch::function::client().unwrap();
        let mut client = Client { http, base_url: self.base_url.clone(), token: api_key.to_owned() };
        let (status, answer) = client.call(Method::POST, "/api/v1/access-token/refresh", None).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer["token"].as_str().unwrap().clone_into(&mut client.token);
        client
    }

    /// The status of an exchange of this key.
    pub async fn exchange(&self, api_key: &str) -> StatusCode {
        let http = terrapi_watch::function::client().unwrap();
        let client = Client { http, base_url: self.base_url.clone(), token: api_key.to_owned() };
        client.call(Method::POST, "/api/v1/access-token/refresh", None).await.0
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A caller. Its token is valid for a minute.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base_url: String,
    token: String,
}

impl Client {
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
        let mut request = self.http.request(method, format!("{}{path}", self.base_url)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.timeout(PATIENCE).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Writes a record and returns when that is acknowledged.
    pub async fn put(&self, key: &str, body: &Value) {
        let (status, answer) = self.call(Method::PUT, &format!("{KV}/key/{key}"), Some(body)).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }

    /// The value of a record.
    pub async fn get(&self, key: &str) -> Value {
        let (status, answer) = self.call(Method::GET, &format!("{KV}/key/{key}"), None).await;
        assert_eq!(status, StatusCode::OK, "{key}: {answer}");
        answer["data"].clone()
    }
}
