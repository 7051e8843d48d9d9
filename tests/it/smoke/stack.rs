//! The service as users start it, in separate processes.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

/// The time limit of a start, which compiles the functions the first time.
const STARTING: Duration = Duration::from_mins(25);
/// The time limit of a stop.
const STOPPING: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(100);

/// The contents of `connection.json`.
#[derive(Deserialize)]
pub struct Connection {
    pub base_url: String,
    pub api_key: String,
    pub session_cookie: String,
    pub other_session_cookie: String,
    pub vcs: String,
    pub installation_id: String,
    pub other_installation_id: String,
    pub organization: String,
    pub organization_token: String,
    pub team_id: String,
}

/// A temporary data folder, removed when this is dropped.
pub struct DataDir(PathBuf);

impl DataDir {
    pub fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("terrapi-smoke-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The log of the last stack with this data folder.
    pub fn log(&self) -> String {
        fs::read_to_string(self.0.join("log")).unwrap_or_default()
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// How the service is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `terrapi serve`: one process.
    Serve,
    /// `make watch`: the functions under an emulator of Lambda.
    Watch,
}

impl Program {
    fn command(self, data: &DataDir, port: u16) -> Command {
        match self {
            Self::Serve => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_terrapi-tested"));
                command.args(["serve", "--dev", "--listen", &format!("127.0.0.1:{port}")]);
                command.arg("--data").arg(data.path());
                command
            }
            Self::Watch => {
                let mut command = terrapi_watch::emulator::cargo();
                command.args(["run", "--locked", "--package", "terrapi-watch"]);
                command.env("PORT", port.to_string()).env("TERRAPI_DATA_DIR", data.path());
                command
            }
        }
    }
}

/// A running stack. It is stopped with all its processes when this is dropped.
pub struct Stack<'a> {
    process: Child,
    program: Program,
    data: &'a DataDir,
}

impl<'a> Stack<'a> {
    /// Starts the stack without waiting for it.
    pub fn start(program: Program, data: &'a DataDir, port: u16) -> Self {
        Self::start_with(program, data, port, [])
    }

    /// As [`Self::start`], with these environment variables.
    pub fn start_with<'v>(
        program: Program,
        data: &'a DataDir,
        port: u16,
        variables: impl IntoIterator<Item = (&'v str, &'v str)>,
    ) -> Self {
        // Left over from the previous start.
        let _ = fs::remove_file(data.path().join("connection.json"));
        let log = File::create(data.path().join("log")).unwrap();
        let process = program
            .command(data, port)
            .current_dir(project())
            .env_remove("RUST_LOG")
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { process, program, data }
    }

    /// Waits until the stack has written `connection.json`.
    pub async fn connection(&mut self) -> Connection {
        let deadline = Instant::now() + STARTING;
        loop {
            if let Ok(text) = fs::read_to_string(self.data.path().join("connection.json")) {
                return serde_json::from_str(&text).unwrap();
            }
            let ended = self.process.try_wait().unwrap();
            assert!(ended.is_none(), "the stack ended with {}:\n{}", ended.unwrap(), self.data.log());
            assert!(Instant::now() < deadline, "the stack does not start:\n{}", self.data.log());
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until the stack ends by itself. Returns its output.
    pub async fn refused(mut self) -> String {
        let status = self.ended(STARTING).await;
        assert!(!status.success(), "{}", self.data.log());
        self.data.log()
    }

    /// Kills the process, which gets no chance to finish anything.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Sends SIGHUP.
    pub fn hang_up(&self) {
        signal("HUP", &HashSet::from([self.process.id()]));
    }

    /// Stops the stack with a signal, as a supervisor would, and asserts that no process is left.
    pub async fn stop(mut self, connection: &Connection) {
        let family = family(self.process.id());
        let alone = family.len() == 1;
        assert_eq!(
            alone,
            self.program == Program::Serve,
            "watch: the stack, the emulator and the functions: {family:?}"
        );
        signal("TERM", &HashSet::from([self.process.id()]));
        let status = self.ended(STOPPING).await;
        assert!(status.success(), "{status}:\n{}", self.data.log());
        let deadline = Instant::now() + STOPPING;
        while !alive(&family).is_empty() {
            assert!(Instant::now() < deadline, "still running: {:?}", alive(&family));
            tokio::time::sleep(POLL).await;
        }
        let (_, address) = connection.base_url.split_once("://").unwrap();
        assert!(tokio::net::TcpStream::connect(address).await.is_err(), "{address} still answers");
    }

    async fn ended(&mut self, patience: Duration) -> ExitStatus {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the stack does not stop:\n{}", self.data.log());
            tokio::time::sleep(POLL).await;
        }
    }
}

impl Drop for Stack<'_> {
    fn drop(&mut self) {
        if !matches!(self.process.try_wait(), Ok(None)) {
            return;
        }
        // The emulator and the functions are in a process group of their own, which the first signal also ends.
        let family = family(self.process.id());
        signal("TERM", &HashSet::from([self.process.id()]));
        let deadline = Instant::now() + STOPPING;
        while matches!(self.process.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(POLL);
        }
        signal("KILL", &alive(&family));
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("--- the stack said:\n{}", self.data.log());
        }
    }
}

/// A port that was free when checked.
pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// The folder that holds `Cargo.toml`.
pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Every running process with its parent. Zombies are left out: they hold no resources.
fn processes() -> HashMap<u32, u32> {
    let living = |process: &str, parent: &str, state: &str| {
        Some((process.parse().ok()?, parent.parse().ok()?)).filter(|_| !state.starts_with('Z'))
    };
    // Small Linux images have no `ps`; other systems have no `/proc`.
    if let Ok(entries) = fs::read_dir("/proc") {
        let process = |entry: fs::DirEntry| {
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            // The process name in parentheses may contain any character.
            let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
            let state = fields.next()?;
            living(entry.file_name().to_str()?, fields.next()?, state)
        };
        return entries.flatten().filter_map(process).collect();
    }
    let output = Command::new("ps").args(["-A", "-o", "pid=,ppid=,stat="]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let process = |line: &str| {
        let mut fields = line.split_whitespace();
        living(fields.next()?, fields.next()?, fields.next()?)
    };
    text.lines().filter_map(process).collect()
}

/// A process and all its descendants.
fn family(root: u32) -> HashSet<u32> {
    let processes = processes();
    let mut family = HashSet::from([root]);
    loop {
        let children = processes.iter().filter(|(_, parent)| family.contains(parent)).map(|(process, _)| *process);
        let grown: HashSet<u32> = children.chain(family.iter().copied()).collect();
        if grown.len() == family.len() {
            return family;
        }
        family = grown;
    }
}

fn alive(family: &HashSet<u32>) -> HashSet<u32> {
    let processes = processes();
    family.iter().copied().filter(|process| processes.contains_key(process)).collect()
}

fn signal(name: &str, to: &HashSet<u32>) {
    if !to.is_empty() {
        let processes = to.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
        let _ = Command::new("sh").args(["-c", &format!("kill -{name} {processes}")]).status();
    }
}
