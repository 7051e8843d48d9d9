//! Builds, starts, observes and stops the programs under test.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Result;
use crate::runtime_api::{Event, RuntimeApi, Until};

/// How long a function may take until its first poll, even under callgrind.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// Variables that `cargo run` sets for the bench. Build scripts that read them (ring's does) would run again, and
/// everything that depends on them would be compiled twice: once for the bench and once for the functions.
const OUTER_CARGO: [&str; 7] = [
    "CARGO_MANIFEST_DIR",
    "CARGO_PKG_NAME",
    "CARGO_PKG_VERSION",
    "CARGO_PKG_VERSION_MAJOR",
    "CARGO_PKG_VERSION_MINOR",
    "CARGO_PKG_VERSION_PATCH",
    "CARGO_PKG_VERSION_PRE",
];

/// The binaries under test.
pub struct Programs {
    workspace: PathBuf,
}

impl Programs {
    /// Builds the functions with their own features only, and the programs for comparison.
    pub fn build() -> Result<Self> {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).ok_or("no workspace")?.to_path_buf();
        let baseline = workspace.join("infra/bench/baseline");
        cargo(&workspace, &["--release"])?;
        // One at a time, so that hello does not get the probe's features.
        for (package, profile) in [("bench-hello", "release"), ("bench-hello", "yardstick"), ("bench-probe", "release")]
        {
            cargo(&baseline, &["--package", package, "--profile", profile])?;
        }
        Ok(Self { workspace })
    }

    pub fn workspace(&self) -> &Path {
        &self.workspace
    }

    /// The binary of a function.
    pub fn function(&self, name: &str) -> PathBuf {
        self.workspace.join("target/release").join(name)
    }

    /// The smallest possible function.
    pub fn hello(&self) -> PathBuf {
        self.workspace.join("infra/bench/baseline/target/release/bench-hello")
    }

    /// The same with cargo's default release settings.
    pub fn yardstick(&self) -> PathBuf {
        self.workspace.join("infra/bench/baseline/target/yardstick/bench-hello")
    }

    /// Hello with DynamoDB calls.
    pub fn probe(&self) -> PathBuf {
        self.workspace.join("infra/bench/baseline/target/release/bench-probe")
    }
}

fn cargo(folder: &Path, arguments: &[&str]) -> Result<()> {
    let mut build = Command::new("cargo");
    build.args(["build", "--locked"]).args(arguments).current_dir(folder);
    build.args(["--target-dir".as_ref(), folder.join("target").as_os_str()]);
    for name in OUTER_CARGO {
        build.env_remove(name);
    }
    if build.status()?.success() { Ok(()) } else { Err(format!("cargo build failed in {}", folder.display()).into()) }
}

/// A program and its environment.
#[derive(Clone)]
pub struct Function {
    pub program: PathBuf,
    /// Variables in addition to Lambda's own.
    pub environment: Vec<(String, String)>,
}

impl Function {
    /// Adds a variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Starts a sandbox and waits for its first poll.
    pub fn start(&self) -> Result<Sandbox> {
        self.start_as(&mut Command::new(&self.program))
    }

    /// As [`Self::start`], under callgrind.
    pub fn start_counted(&self) -> Result<Sandbox> {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(&self.program);
        self.start_as(&mut valgrind)
    }

    fn start_as(&self, command: &mut Command) -> Result<Sandbox> {
        let api = RuntimeApi::start()?;
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.env("AWS_LAMBDA_RUNTIME_API", api.address()).env("AWS_LAMBDA_FUNCTION_NAME", "bench");
        command.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128").env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
        command.env("AWS_LAMBDA_LOG_GROUP_NAME", "bench").env("AWS_LAMBDA_LOG_STREAM_NAME", "bench");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let spawned = Instant::now();
        let child = command.spawn().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
        let mut sandbox = Sandbox { api, child, init: Duration::ZERO };
        loop {
            if let Some(polled) = sandbox.api.wait_for_poll(Duration::from_millis(200)) {
                sandbox.init = polled - spawned;
                return Ok(sandbox);
            }
            if sandbox.child.try_wait()?.is_some() || spawned.elapsed() > START_TIMEOUT {
                return Err(format!("{} did not start: {}", self.program.display(), sandbox.stop()?).into());
            }
        }
    }
}

/// A running function. It is killed when dropped.
pub struct Sandbox {
    /// The source of its events.
    pub api: RuntimeApi,
    /// The time from its start to its first poll.
    pub init: Duration,
    child: Child,
}

impl Sandbox {
    /// Sends one request and returns the decoded answer. Fails if that is not a success.
    pub fn call(&self, event: &Event) -> Result<String> {
        Ok(self.api.repeat(Until::Count(1), event)?.answer)
    }

    /// The resident memory in bytes.
    pub fn resident_bytes(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kilobytes * 1024.0)
    }

    /// Stops the process with a signal and returns its standard error.
    pub fn stop(&mut self) -> Result<String> {
        if self.child.try_wait()?.is_none() {
            kill(Pid::from_raw(self.child.id().try_into()?), Signal::SIGTERM)?;
        }
        let mut text = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut text)?;
        }
        self.child.wait()?;
        Ok(text)
    }

    /// Stops the process and returns the number of executed instructions. Requires [`Function::start_counted`].
    pub fn instructions(mut self) -> Result<f64> {
        let said = self.stop()?;
        let collected = said.lines().find_map(|line| line.split_once("Collected : "));
        let (_, count) = collected.ok_or_else(|| format!("callgrind did not count:\n{said}"))?;
        Ok(count.trim().parse()?)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // It has usually ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
