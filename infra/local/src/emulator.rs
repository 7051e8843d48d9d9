//! The functions behind one port: `cargo lambda watch` speaks for the gateway and for Lambda, and each function is one
//! process beside it.
//!
//! The processes are started here and not by the emulator. It would run `cargo` for every instance, up to eight a
//! function, and each of those would watch every file of the workspace, tools and build included: that takes minutes
//! and all of a machine's file watches. One process that works on several events at a time does the same.

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::{
    process::{Child, Command},
    task::JoinSet,
};

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

/// Events that a function works on at a time.
const CONCURRENCY: &str = "8";
/// How long the emulator may take to listen.
const LISTENING: Duration = Duration::from_secs(30);
/// How long a function may take to answer for the first time.
const FIRST_ANSWER: Duration = Duration::from_secs(20);
/// How long everything may take to stop when asked politely.
const STOPPING: Duration = Duration::from_secs(5);
/// How long a function that ended stays down.
const RESTART: Duration = Duration::from_secs(1);

/// The running emulator and functions. They are gone when this is dropped.
pub struct Emulator {
    child: Child,
    group: i32,
    functions: JoinSet<()>,
}

/// Finds the tools that are needed later, so that a missing one is known at once.
///
/// # Errors
/// [`Error::MissingTool`].
pub async fn check_tools() -> Result<()> {
    let found = cargo()
        .args(["lambda", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .await
        .is_ok_and(|status| status.success());
    let remedy = "start with `make run`, or `pip install cargo-lambda` and put it on the PATH";
    if found { Ok(()) } else { Err(Error::MissingTool { program: "cargo-lambda", remedy }) }
}

/// A `cargo` without what `cargo run` told this program about itself: build scripts that look at those variables (ring's
/// does) would find them changed, and compile everything above them once more.
fn cargo() -> Command {
    let mut command = Command::new("cargo");
    for (name, _) in std::env::vars_os() {
        let told = name.to_str().is_some_and(|name| {
            name == "CARGO" || name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        });
        if told {
            command.env_remove(name);
        }
    }
    command
}

/// Compiles the functions, for the profile this program was compiled for.
///
/// Together with this program, which cargo has just compiled: the same features, so nothing is compiled twice.
///
/// # Errors
/// [`Error::Build`] when they do not compile, after the compiler's own words.
pub async fn build(workspace: &Path) -> Result<()> {
    let mut command = cargo();
    command.args(["build", "--locked", "--workspace", "--exclude", "terrapi-tests", "--bins"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let status = command.current_dir(workspace).kill_on_drop(true).status().await?;
    if status.success() { Ok(()) } else { Err(Error::Build) }
}

impl Emulator {
    /// Starts the emulator and the functions, and waits until every one has answered.
    ///
    /// # Errors
    /// [`Error::Emulator`] when it stops, or a function does not answer.
    pub async fn start(settings: &Settings, template: &Template, environment: &[(String, String)]) -> Result<Self> {
        let child = cargo()
            .args(["lambda", "watch", "--only-lambda-apis", "--disable-cors"])
            .args(["--invoke-address", "127.0.0.1", "--invoke-port", &settings.port.to_string()])
            .current_dir(&settings.workspace)
            // What it says of itself is for its own developers.
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            // A group of its own: Ctrl-C reaches this program only, which then stops the group.
            .process_group(0)
            .spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok());
        let group = group.ok_or_else(|| Error::Emulator("it ended at once".to_owned()))?;
        let mut emulator = Self { child, group, functions: JoinSet::new() };
        emulator.wait_until_listening(settings).await?;
        // Beside this program, where cargo puts all of the workspace's programs.
        let programs = std::env::current_exe()?;
        for function in &template.functions {
            let mut command = Command::new(programs.with_file_name(function));
            command
                .env_remove("AWS_PROFILE")
                .env_remove("AWS_SESSION_TOKEN")
                .envs(environment.iter().map(|(name, value)| (name, value)))
                .env("AWS_LAMBDA_FUNCTION_NAME", function)
                .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
                .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
                .env("AWS_LAMBDA_MAX_CONCURRENCY", CONCURRENCY)
                .env("AWS_LAMBDA_RUNTIME_API", format!("{}/.rt/{function}", settings.base_url()))
                .stdin(Stdio::null())
                .process_group(group)
                .kill_on_drop(true);
            emulator.functions.spawn(keep_running(function.clone(), command));
        }
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
        // The group may be gone already, which is what is wanted.
        let _ = killpg(Pid::from_raw(self.group), signal);
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // From here on nothing is started again.
        self.functions.abort_all();
        self.signal(Signal::SIGTERM);
        let deadline = Instant::now() + STOPPING;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        self.signal(Signal::SIGKILL);
    }
}

/// Runs a function for ever, as Lambda would: a sandbox that dies is replaced.
async fn keep_running(function: String, mut command: Command) {
    loop {
        let ended = match command.spawn() {
            Ok(mut child) => child.wait().await,
            Err(error) => Err(error),
        };
        match ended {
            Ok(status) => tracing::warn!(function, %status, "the function ended and is started again"),
            Err(error) => tracing::warn!(function, %error, "the function could not be started, it is tried again"),
        }
        tokio::time::sleep(RESTART).await;
    }
}

/// Calls every function once. Any answer will do: it means that the function is up.
async fn warm(settings: &Settings, template: &Template) -> Result<()> {
    let client = pump::client()?;
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
