//! Runs all functions behind one port: `cargo lambda watch` emulates the gateway and Lambda, and each function is one
//! process.
//!
//! The processes are started here and not by the emulator. That would run `cargo` for every instance, up to eight for
//! each function, and each would watch every file of the workspace including tools and build output, which takes
//! minutes and exhausts the machine's file watches. One process that handles several events concurrently has the same
//! effect.

use std::{
    path::{Path, PathBuf},
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

use terrapi_local::Template;
use terrapi_local::bootstrap::{DUMMY, REGION};

use crate::error::{Error, Result};
use crate::function;
use crate::settings::Settings;

/// How many events a function handles concurrently.
const CONCURRENCY: &str = "8";
/// How long the emulator may take until it listens.
const LISTENING: Duration = Duration::from_secs(30);
/// How long a function may take until its first answer.
const FIRST_ANSWER: Duration = Duration::from_secs(20);
/// How long everything may take to stop after a signal.
const STOPPING: Duration = Duration::from_secs(5);
/// The file in the data folder for the emulator's output.
const LOG: &str = "emulator.log";
/// How long an answer to the question whether this is the emulator may take.
const PROBE: Duration = Duration::from_secs(1);
/// How many ports are tried.
const PORTS: usize = 5;
/// The interval between two health checks of the emulator, and the timeout of one.
const HEALTH_CHECK: Duration = Duration::from_secs(5);
/// After this number of failed health checks the emulator counts as hung.
const MAX_FAILED_CHECKS: usize = 2;
/// The delay before a function that ended is started again.
const RESTART: Duration = Duration::from_secs(1);

/// The running emulator and functions. They are stopped when this is dropped.
pub struct Emulator {
    child: Child,
    group: i32,
    port: u16,
    log: PathBuf,
    functions: JoinSet<()>,
}

/// Checks the tools that are needed later, so that a missing one is reported at once.
///
/// # Errors
/// [`Error::MissingTool`].
pub async fn check_tools() -> Result<()> {
    let found = Command::from(cargo())
        .args(["lambda", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .await
        .is_ok_and(|status| status.success());
    let remedy = "start with `make run`, or `pip install cargo-lambda` and put it on the PATH";
    if found { Ok(()) } else { Err(Error::MissingTool { program: "cargo-lambda", remedy }) }
}

/// A `cargo` without the variables that `cargo run` set for this program: build scripts that read them (ring's does)
/// would find them changed, and everything that depends on them would be compiled again.
pub fn cargo() -> std::process::Command {
    let mut command = std::process::Command::new("cargo");
    for (name, _) in std::env::vars_os() {
        let set_by_cargo = name.to_str().is_some_and(|name| {
            name == "CARGO" || name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        });
        if set_by_cargo {
            command.env_remove(name);
        }
    }
    command
}

/// Compiles the functions with the profile of this program.
///
/// Together with this program, which cargo has just compiled, so that the features are the same and nothing is compiled
/// twice.
///
/// # Errors
/// [`Error::Build`] if they do not compile. The compiler has printed the reason.
pub async fn build(workspace: &Path) -> Result<()> {
    let mut command = Command::from(cargo());
    command.args(["build", "--locked", "--workspace", "--exclude", "terrapi-tests", "--bins"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let status = command.current_dir(workspace).kill_on_drop(true).status().await?;
    if status.success() { Ok(()) } else { Err(Error::Build) }
}

impl Emulator {
    /// Starts the emulator and the functions, and waits until each function has answered.
    ///
    /// The emulator listens on a port that was free before. If another process has taken it meanwhile, another port is
    /// tried.
    ///
    /// # Errors
    /// [`Error::Emulator`] if the emulator stops, or a function does not answer.
    pub async fn start(settings: &Settings, template: &Template, environment: &[(String, String)]) -> Result<Self> {
        Self::start_on_any(free_port, settings, template, environment).await
    }

    async fn start_on_any(
        mut choose: impl FnMut() -> std::io::Result<u16>,
        settings: &Settings,
        template: &Template,
        environment: &[(String, String)],
    ) -> Result<Self> {
        let mut tries = 1;
        loop {
            let port = choose()?;
            match Self::start_on(port, settings, template, environment).await {
                Err(Error::PortLost) if tries < PORTS => tries += 1,
                outcome => return outcome,
            }
        }
    }

    async fn start_on(
        port: u16,
        settings: &Settings,
        template: &Template,
        environment: &[(String, String)],
    ) -> Result<Self> {
        let log = settings.data.path().join(LOG);
        let file = std::fs::File::create(&log)?;
        let child = Command::from(cargo())
            .args(["lambda", "watch", "--only-lambda-apis", "--disable-cors"])
            .args(["--invoke-address", "127.0.0.1", "--invoke-port", &port.to_string()])
            .current_dir(&settings.workspace)
            // Its output is for its developers, so it goes to a file.
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            // A process group of its own: Ctrl-C reaches only this program, which then stops the group.
            .process_group(0)
            .spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok());
        let group = group.ok_or_else(|| Error::Emulator("it ended at once".to_owned()))?;
        let mut emulator = Self { child, group, port, log, functions: JoinSet::new() };
        emulator.wait_until_listening().await?;
        // In the folder of this program, where cargo puts all binaries of the workspace.
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
                .env("AWS_LAMBDA_RUNTIME_API", format!("{}/.rt/{function}", emulator.base_url()))
                .stdin(Stdio::null())
                .process_group(group)
                .kill_on_drop(true);
            emulator.functions.spawn(keep_running(function.clone(), command));
        }
        let base_url = emulator.base_url();
        tokio::select! {
            warmed = call_each_function(&base_url, template) => warmed?,
            stopped = emulator.stopped() => return Err(stopped),
        }
        Ok(emulator)
    }

    /// `127.0.0.1:<port>`. It stays the same as long as this exists.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The URL of the emulator.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address())
    }

    async fn wait_until_listening(&mut self) -> Result<()> {
        let deadline = Instant::now() + LISTENING;
        let client = function::client()?;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Err(self.ended(&format!("it ended with {status} before it listened")));
            }
            // It may be somebody else who listens there.
            if is_emulator(&client, &self.base_url()).await {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(self.failed(&format!("it does not listen after {} s", LISTENING.as_secs())));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the emulator ends unexpectedly.
    pub async fn stopped(&mut self) -> Error {
        match self.child.wait().await {
            Ok(status) => self.ended(&format!("it ended with {status}")),
            Err(error) => error.into(),
        }
    }

    /// Restarts the emulator with its functions on the same port whenever it ends or no longer answers.
    ///
    /// # Errors
    /// It could not be restarted.
    pub async fn keep_running(
        mut self,
        settings: &Settings,
        template: &Template,
        environment: &[(String, String)],
    ) -> Result<()> {
        let base_url = self.base_url();
        loop {
            let reason = tokio::select! {
                stopped = self.stopped() => stopped.to_string(),
                wait_until_hung = wait_until_hung(&base_url) => wait_until_hung?,
            };
            tracing::warn!(reason, "the emulator is being restarted");
            let port = self.port;
            drop(self);
            let mut tries = 1;
            self = loop {
                match Self::start_on(port, settings, template, environment).await {
                    Err(Error::PortLost) if tries < PORTS => tries += 1,
                    outcome => break outcome?,
                }
                tokio::time::sleep(RESTART).await;
            };
        }
    }

    /// Why it ended by itself.
    fn ended(&self, what: &str) -> Error {
        let output = std::fs::read_to_string(&self.log).unwrap_or_default();
        let port_lost = output.contains("Address already in use") || output.contains("Address in use");
        if port_lost { Error::PortLost } else { self.failed(what) }
    }

    fn failed(&self, what: &str) -> Error {
        Error::Emulator(format!("{what}; {} has its output", self.log.display()))
    }

    fn signal(&self, signal: Signal) {
        // The group may have ended already.
        let _ = killpg(Pid::from_raw(self.group), signal);
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // No function is restarted from here on.
        self.functions.abort_all();
        self.signal(Signal::SIGTERM);
        let deadline = Instant::now() + STOPPING;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        self.signal(Signal::SIGKILL);
    }
}

/// A port that nobody listens on at this moment.
fn free_port() -> std::io::Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Whether an emulator answers there: it refuses a `GET` of a route of the runtime API that takes `POST`.
async fn is_emulator(client: &reqwest::Client, base_url: &str) -> bool {
    let url = format!("{base_url}/.rt/nobody/2018-06-01/runtime/init/error");
    let answer = client.get(url).timeout(PROBE).send().await;
    answer.is_ok_and(|answer| answer.status().as_u16() == 405 && answer.headers().get("allow").is_some())
}

/// Runs a function and restarts it whenever it ends, as Lambda replaces a sandbox that dies.
async fn keep_running(function: String, mut command: Command) {
    loop {
        let ended = match command.spawn() {
            Ok(mut child) => child.wait().await,
            Err(error) => Err(error),
        };
        match ended {
            Ok(status) => tracing::warn!(function, %status, "a function ended and is being restarted"),
            Err(error) => tracing::warn!(function, %error, "a function could not be started and is being retried"),
        }
        tokio::time::sleep(RESTART).await;
    }
}

/// Calls every function once. Any answer shows that the function is running.
async fn call_each_function(base_url: &str, template: &Template) -> Result<()> {
    let client = function::client()?;
    for function in &template.functions {
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

/// Waits until the emulator has not answered for a while. Returns the reason why it counts as hung.
async fn wait_until_hung(base_url: &str) -> Result<String> {
    let client = function::client()?;
    let url = format!("{base_url}/health");
    let mut missed = 0;
    while missed < MAX_FAILED_CHECKS {
        tokio::time::sleep(HEALTH_CHECK).await;
        match client.get(&url).timeout(HEALTH_CHECK).send().await {
            Ok(_) => missed = 0,
            Err(_) => missed += 1,
        }
    }
    Ok(format!(
        "it has not answered for {} s",
        (HEALTH_CHECK * 2 * u32::try_from(MAX_FAILED_CHECKS).unwrap_or(1)).as_secs()
    ))
}

/// The environment of every function.
pub fn environment(settings: &Settings, template: &Template, dynamodb_endpoint: &str) -> Vec<(String, String)> {
    let mut variables = vec![
        ("AWS_ACCESS_KEY_ID".to_owned(), DUMMY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY".to_owned(), DUMMY.to_owned()),
        ("AWS_REGION".to_owned(), REGION.to_owned()),
        ("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), dynamodb_endpoint.to_owned()),
        ("PUBLIC_BASE_URL".to_owned(), settings.base_url()),
        ("RUST_LOG".to_owned(), settings.log.clone()),
    ];
    variables.extend(settings.data.variables(template));
    variables
}

#[cfg(test)]
mod tests {
    use terrapi_local::folder::DataFolder;

    use super::*;

    #[test]
    fn functions_find_the_engine_and_the_data() {
        let data = DataFolder::new("/data".into());
        let settings = Settings { port: 9123, data, workspace: "/".into(), log: "info".into() };
        let variables = environment(&settings, Template::project().unwrap(), "http://127.0.0.1:1");
        let value = |name: &str| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        assert_eq!(value("AWS_ENDPOINT_URL_DYNAMODB"), Some("http://127.0.0.1:1"));
        assert_eq!(value("TERRAPI_BLOBS"), Some("file:///data/blobs"));
        assert_eq!(value("PUBLIC_BASE_URL"), Some("http://127.0.0.1:9123"));
    }

    fn settings(folder: &Path) -> Settings {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        Settings { port: 0, data: DataFolder::new(folder.into()), workspace, log: "info".into() }
    }

    /// A template without functions, whose programs this test would have to compile.
    fn no_functions() -> Template {
        Template::parse("Resources: {}").unwrap()
    }

    #[tokio::test]
    async fn port_taken_after_it_was_chosen_is_replaced() {
        let folder = std::env::temp_dir().join(format!("terrapi-emulator-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut taken = Vec::new();
        let choose = || {
            let port = free_port()?;
            // Somebody else is faster, twice.
            if taken.len() < 2 {
                taken.push(std::net::TcpListener::bind(("127.0.0.1", port))?);
            }
            Ok(port)
        };
        let started = Emulator::start_on_any(choose, &settings(&folder), &no_functions(), &[]).await.unwrap();
        assert_eq!(taken.len(), 2, "both ports were lost");
        let ports: Vec<_> = taken.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        assert!(!ports.contains(&started.port), "{} is one of {ports:?}", started.port);
        assert!(is_emulator(&function::client().unwrap(), &started.base_url()).await);
        drop(started);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[tokio::test]
    async fn start_ends_when_every_port_is_taken() {
        let folder = std::env::temp_dir().join(format!("terrapi-emulator-all-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut taken = Vec::new();
        let choose = || {
            let port = free_port()?;
            taken.push(std::net::TcpListener::bind(("127.0.0.1", port))?);
            Ok(port)
        };
        let started = Emulator::start_on_any(choose, &settings(&folder), &no_functions(), &[]).await;
        assert!(matches!(started, Err(Error::PortLost)));
        assert_eq!(taken.len(), PORTS);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
