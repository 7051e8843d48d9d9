//! The functions, run by `cargo lambda watch` behind one port.
//!
//! They are compiled before it starts and called once before anybody hears of the address: otherwise the first caller
//! of each would wait for its start. Changed code is picked up by a restart, which keeps the data.

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::process::{Child, Command};

use crate::{
    error::{Error, Result},
    pump,
    settings::Settings,
    template::Template,
};

/// The SDK wants a region and credentials even for an engine that looks at neither.
pub const REGION: &str = "us-east-1";
/// See [`REGION`].
pub const DUMMY: &str = "local";

/// Instances of one function at a time; the emulator serialises calls otherwise.
const CONCURRENCY: &str = "8";
/// How long the emulator may take to listen.
const LISTENING: Duration = Duration::from_secs(30);
/// How long a compiled function may take to answer for the first time.
const FIRST_ANSWER: Duration = Duration::from_secs(90);
/// How long everything may take to stop when asked politely.
const STOPPING: Duration = Duration::from_secs(5);

/// The running emulator. It and all it started are gone when this is dropped.
pub struct Emulator {
    child: Child,
    group: Option<Pid>,
}

/// Finds the tools that are needed later, so that a missing one is known at once.
///
/// # Errors
/// [`Error::MissingTool`].
pub async fn check_tools() -> Result<()> {
    let found = Command::new("cargo")
        .args(["lambda", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .await
        .is_ok_and(|status| status.success());
    let remedy = "start with `make run`, or `pip install cargo-lambda` and put it on the PATH";
    if found { Ok(()) } else { Err(Error::MissingTool { program: "cargo-lambda", remedy }) }
}

/// Compiles the functions, the way the emulator will ask for them.
///
/// # Errors
/// [`Error::Build`] when they do not compile, after the compiler's own words.
pub async fn build(workspace: &Path) -> Result<()> {
    let status =
        Command::new("cargo").args(["build", "--locked"]).current_dir(workspace).kill_on_drop(true).status().await?;
    if status.success() { Ok(()) } else { Err(Error::Build) }
}

impl Emulator {
    /// Starts the emulator with what the functions find in their environment, and waits until every one has answered.
    ///
    /// # Errors
    /// [`Error::Emulator`] when it stops, or a function does not answer.
    pub async fn start(settings: &Settings, template: &Template, environment: &[(String, String)]) -> Result<Self> {
        let mut command = Command::new("cargo");
        command
            .args(["lambda", "watch", "--invoke-address", "127.0.0.1", "--invoke-port", &settings.port.to_string()])
            .args(["--disable-cors", "--ignore-changes", "--concurrency", CONCURRENCY, "--locked", "--quiet"])
            .current_dir(&settings.workspace)
            // What a person's shell knows of AWS must not reach the functions.
            .env_remove("AWS_PROFILE")
            .env_remove("AWS_SESSION_TOKEN")
            .env_remove("AWS_ENDPOINT_URL")
            .env_remove("AWS_ENDPOINT_URL_S3")
            // The emulator's own log only says what it starts; the functions get theirs below.
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            // A group of its own: Ctrl-C reaches this program only, which then stops the group in order.
            .process_group(0);
        for (name, value) in environment {
            command.arg("--env-var").arg(format!("{name}={value}"));
        }
        let child = command.spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        let mut emulator = Self { child, group };
        emulator.wait_until_listening(settings).await?;
        tokio::select! {
            warmed = warm(settings, template) => warmed?,
            stopped = emulator.stopped() => return Err(stopped),
        }
        Ok(emulator)
    }

    async fn wait_until_listening(&mut self, settings: &Settings) -> Result<()> {
        let deadline = Instant::now() + LISTENING;
        while tokio::net::TcpStream::connect(("127.0.0.1", settings.port)).await.is_err() {
            if let Some(status) = self.child.try_wait()? {
                return Err(Error::Emulator(format!("it ended with {status} before it listened")));
            }
            if Instant::now() > deadline {
                return Err(Error::Emulator(format!("it does not listen after {} s", LISTENING.as_secs())));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Waits until the emulator ends by itself, which it should not.
    pub async fn stopped(&mut self) -> Error {
        match self.child.wait().await {
            Ok(status) => Error::Emulator(format!("it ended with {status}")),
            Err(error) => error.into(),
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // The group may be gone already, which is what is wanted.
            let _ = killpg(group, signal);
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // It stops the functions itself when asked to; they live in groups of their own.
        self.signal(Signal::SIGTERM);
        let deadline = Instant::now() + STOPPING;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        self.signal(Signal::SIGKILL);
    }
}

/// Calls every function once. Any answer will do: it means that the function is compiled, started and polling.
async fn warm(settings: &Settings, template: &Template) -> Result<()> {
    let client = pump::client()?;
    // One after the other: each start runs cargo, and cargo lets in one at a time.
    for function in &template.functions {
        let base_url = settings.base_url();
        let request = if template.streams.iter().any(|source| source.function == *function) {
            let url = format!("{base_url}/2015-03-31/functions/{function}/invocations");
            client.post(url).body(r#"{"Records":[]}"#)
        } else {
            client.get(format!("{base_url}/lambda-url/{function}/health"))
        };
        if let Err(error) = request.timeout(FIRST_ANSWER).send().await {
            let reason = if error.is_timeout() {
                "it may have failed to start, see above".to_owned()
            } else {
                error.to_string()
            };
            return Err(Error::Emulator(format!("the function {function} does not answer: {reason}")));
        }
    }
    Ok(())
}

/// What every function finds in its environment.
pub fn environment(settings: &Settings, template: &Template, dynamodb_endpoint: &str) -> Vec<(String, String)> {
    let mut variables = vec![
        ("AWS_ACCESS_KEY_ID".to_owned(), DUMMY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY".to_owned(), DUMMY.to_owned()),
        ("AWS_REGION".to_owned(), REGION.to_owned()),
        ("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), dynamodb_endpoint.to_owned()),
        ("TERRAPI_BLOBS".to_owned(), format!("file://{}", settings.blobs().display())),
        ("PUBLIC_BASE_URL".to_owned(), settings.base_url()),
        ("RUST_LOG".to_owned(), settings.log.clone()),
    ];
    for table in &template.tables {
        variables.push((format!("TERRAPI_{}_TABLE", table.role.to_ascii_uppercase()), table.name.clone()));
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_find_the_engine_and_every_table() {
        let settings = Settings { port: 9123, data_dir: "/data".into(), workspace: "/".into(), log: "info".into() };
        let variables = environment(&settings, Template::project().unwrap(), "http://127.0.0.1:1");
        let value = |name: &str| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        assert_eq!(value("AWS_ENDPOINT_URL_DYNAMODB"), Some("http://127.0.0.1:1"));
        assert_eq!(value("TERRAPI_IDENTITY_TABLE"), Some("terrapi-identity"));
        assert_eq!(value("TERRAPI_KV_TABLE"), Some("terrapi-kv"));
        assert_eq!(value("TERRAPI_OPERATIONS_TABLE"), Some("terrapi-operations"));
        assert_eq!(value("TERRAPI_BLOBS"), Some("file:///data/blobs"));
        assert_eq!(value("PUBLIC_BASE_URL"), Some("http://127.0.0.1:9123"));
    }
}
