//! The programs under test: built, started, looked at, stopped.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Result;
use crate::runtime_api::{Event, RuntimeApi, Until};

/// How long a function may take until its first poll, also under callgrind.
const PATIENCE: Duration = Duration::from_mins(1);

/// What `cargo run` says about the bench. Build scripts that look at it (ring's) would run again, and with them all that
/// stands on what they build, once for the bench and once for the functions.
const OUTER_CARGO: [&str; 7] = [
    "CARGO_MANIFEST_DIR",
    "CARGO_PKG_NAME",
    "CARGO_PKG_VERSION",
    "CARGO_PKG_VERSION_MAJOR",
    "CARGO_PKG_VERSION_MINOR",
    "CARGO_PKG_VERSION_PATCH",
    "CARGO_PKG_VERSION_PRE",
];

/// Where the programs are.
pub struct Programs {
    workspace: PathBuf,
}

impl Programs {
    /// Builds what ships, with its own features only, and what it is measured against.
    pub fn build() -> Result<Self> {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).ok_or("no workspace")?.to_path_buf();
        let baseline = workspace.join("infra/bench/baseline");
        cargo(&workspace, &["--release"])?;
        // One after the other, so that the probe's features stay out of hello.
        for (package, profile) in [("bench-hello", "release"), ("bench-hello", "yardstick"), ("bench-probe", "release")]
        {
            cargo(&baseline, &["--package", package, "--profile", profile])?;
        }
        Ok(Self { workspace })
    }

    /// The project's folder.
    pub fn workspace(&self) -> &Path {
        &self.workspace
    }

    /// A function's binary.
    pub fn function(&self, name: &str) -> PathBuf {
        self.workspace.join("target/release").join(name)
    }

    /// The least that a function can be.
    pub fn hello(&self) -> PathBuf {
        self.workspace.join("infra/bench/baseline/target/release/bench-hello")
    }

    /// The same as cargo builds it when nobody asks for a small binary.
    pub fn yardstick(&self) -> PathBuf {
        self.workspace.join("infra/bench/baseline/target/yardstick/bench-hello")
    }

    /// Hello with storage calls.
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

/// A program and what it is told.
#[derive(Clone)]
pub struct Function {
    /// Its file.
    pub program: PathBuf,
    /// Its variables, besides Lambda's own.
    pub environment: Vec<(String, String)>,
}

impl Function {
    /// The same with one more variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Starts a sandbox and waits until it asks for its first event.
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
            if sandbox.child.try_wait()?.is_some() || spawned.elapsed() > PATIENCE {
                return Err(format!("{} did not start: {}", self.program.display(), sandbox.stop()?).into());
            }
        }
    }
}

/// A running function. It is killed when dropped.
pub struct Sandbox {
    /// Where it gets its events.
    pub api: RuntimeApi,
    /// From its start to its first poll.
    pub init: Duration,
    child: Child,
}

impl Sandbox {
    /// One request; its answer, which is a success, as the gateway would read it.
    pub fn call(&self, event: &Event) -> Result<String> {
        Ok(self.api.repeat(Until::Count(1), event)?.answer)
    }

    /// Resident memory, in bytes.
    pub fn resident_bytes(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kilobytes * 1024.0)
    }

    /// Ends it, as a shell would, and gives what it wrote to standard error.
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

    /// Ends it; how many instructions it took, when it was started to be counted.
    pub fn instructions(mut self) -> Result<f64> {
        let said = self.stop()?;
        let collected = said.lines().find_map(|line| line.split_once("Collected : "));
        let (_, count) = collected.ok_or_else(|| format!("callgrind did not count:\n{said}"))?;
        Ok(count.trim().parse()?)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // It has usually ended by itself or by `stop`.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
