//! Starts, observes and stops servers.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::Result;

/// How long a server may take to answer.
const START_TIMEOUT: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(50);
/// How much of a log is shown when a server fails, in lines.
const SHOWN_LINES: usize = 10;

/// A running server. It is killed when dropped; its data is thrown away.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program, which writes its output to `<name>.log` in the folder.
    pub fn start(command: &mut Command, folder: &Path, name: &str) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let output = File::create(&log)?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let child = command.spawn().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
        Ok(Self { child, log })
    }

    /// Repeats `attempt` until it succeeds. Fails with the last error and the end of the log if the server ends or
    /// a minute has passed.
    pub async fn until<T>(&mut self, mut attempt: impl AsyncFnMut() -> Result<T>) -> Result<T> {
        let begun = Instant::now();
        loop {
            match attempt().await {
                Ok(value) => return Ok(value),
                Err(error) if self.child.try_wait()?.is_some() || begun.elapsed() > START_TIMEOUT => {
                    let log = fs::read_to_string(&self.log).unwrap_or_default();
                    let lines: Vec<_> = log.lines().collect();
                    let end = lines.get(lines.len().saturating_sub(SHOWN_LINES)..).unwrap_or_default().join("\n");
                    return Err(format!("{} does not answer: {error}\n{end}", self.log.display()).into());
                }
                Err(_) => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// The resident memory in MiB.
    pub fn resident(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("a server has ended")?;
        let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kilobytes / 1024.0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already if this fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port of 127.0.0.1 that is free now.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Lets this process and its children open as many files as the system allows: a thousand clients need more than the
/// usual 1,024.
pub fn raise_file_limit() -> Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?)
}
