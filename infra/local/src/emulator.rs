//! The functions behind one port: `cargo lambda watch` speaks for the gateway and for Lambda, and each function is one
//! process beside it.
//!
//! The processes are started here and not by the emulator. It would run `cargo` for every instance, up to eight a
//! function, and each of those would watch every file of the workspace, tools and build included: that takes minutes
//! and all of a machine's file watches. One process that works on several events at a time does the same.

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
/// What the emulator says goes to this file in the data folder.
const LOG: &str = "emulator.log";
/// How long an answer to the question whether this is the emulator may take.
const PROBE: Duration = Duration::from_secs(1);
/// How many ports are tried.
const PORTS: usize = 5;
/// How often the emulator is asked whether it still answers, and for how long it is waited for.
const LOOK: Duration = Duration::from_secs(5);
/// After so many looks without an answer it counts as hung.
const MISSED: usize = 2;
/// How long a function that ended stays down.
const RESTART: Duration = Duration::from_secs(1);

/// The running emulator and functions. They are gone when this is dropped.
pub struct Emulator {
    child: Child,
    group: i32,
    port: u16,
    log: PathBuf,
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
    /// The emulator listens on a port that was free a moment ago. When somebody else has taken it since, another one is
    /// tried.
    ///
    /// # Errors
    /// [`Error::Emulator`] when it stops, or a function does not answer.
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
        let log = settings.data_dir.join(LOG);
        let file = std::fs::File::create(&log)?;
        let child = cargo()
            .args(["lambda", "watch", "--only-lambda-apis", "--disable-cors"])
            .args(["--invoke-address", "127.0.0.1", "--invoke-port", &port.to_string()])
            .current_dir(&settings.workspace)
            // Its log is for its own developers, so it goes to a file.
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            // A group of its own: Ctrl-C reaches this program only, which then stops the group.
            .process_group(0)
            .spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok());
        let group = group.ok_or_else(|| Error::Emulator("it ended at once".to_owned()))?;
        let mut emulator = Self { child, group, port, log, functions: JoinSet::new() };
        emulator.wait_until_listening().await?;
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
                .env("AWS_LAMBDA_RUNTIME_API", format!("{}/.rt/{function}", emulator.base_url()))
                .stdin(Stdio::null())
                .process_group(group)
                .kill_on_drop(true);
            emulator.functions.spawn(keep_running(function.clone(), command));
        }
        let base_url = emulator.base_url();
        tokio::select! {
            warmed = warm(&base_url, template) => warmed?,
            stopped = emulator.stopped() => return Err(stopped),
        }
        Ok(emulator)
    }

    /// `127.0.0.1:<port>`, for as long as this lives.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Where the emulator answers.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address())
    }

    async fn wait_until_listening(&mut self) -> Result<()> {
        let deadline = Instant::now() + LISTENING;
        let client = pump::client()?;
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

    /// Waits until the emulator ends by itself, which it should not.
    pub async fn stopped(&mut self) -> Error {
        match self.child.wait().await {
            Ok(status) => self.ended(&format!("it ended with {status}")),
            Err(error) => error.into(),
        }
    }

    /// Keeps it running for ever: when it ends, or does not answer any longer, it is started again with its functions, on
    /// the same port.
    ///
    /// # Errors
    /// It cannot be started again.
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
                hung = hung(&base_url) => hung?,
            };
            tracing::warn!(reason, "the emulator is started again");
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
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        let port_lost = said.contains("Address already in use") || said.contains("Address in use");
        if port_lost { Error::PortLost } else { self.failed(what) }
    }

    fn failed(&self, what: &str) -> Error {
        Error::Emulator(format!("{what}; {} has what it said", self.log.display()))
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
async fn warm(base_url: &str, template: &Template) -> Result<()> {
    let client = pump::client()?;
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

/// Waits until a function has not answered through the emulator for a while: why it counts as hung.
async fn hung(base_url: &str) -> Result<String> {
    let client = pump::client()?;
    let url = format!("{base_url}/health");
    let mut missed = 0;
    while missed < MISSED {
        tokio::time::sleep(LOOK).await;
        match client.get(&url).timeout(LOOK).send().await {
            Ok(_) => missed = 0,
            Err(_) => missed += 1,
        }
    }
    Ok(format!("it has not answered for {} s", (LOOK * 2 * u32::try_from(MISSED).unwrap_or(1)).as_secs()))
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

    fn settings(folder: &Path) -> Settings {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        Settings { port: 0, data_dir: folder.into(), workspace, log: "info".into() }
    }

    /// A template without functions, whose programs this test would have to compile.
    fn no_functions() -> Template {
        Template {
            tables: Vec::new(),
            routes: Vec::new(),
            functions: Vec::new(),
            uncalled: Vec::new(),
            streams: Vec::new(),
            timers: Vec::new(),
        }
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
        assert!(is_emulator(&pump::client().unwrap(), &started.base_url()).await);
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
