//! Where the figures come from.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Result;

/// The machine, the commit and the versions that matter, as a Markdown list.
pub fn describe(workspace: &Path) -> Result<String> {
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("", |pair| pair.1);
    let cores = std::thread::available_parallelism()?;
    let system = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let system = system.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or("Linux").trim_matches('"');
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let commit = said(workspace, "git", &["describe", "--always", "--dirty"]);
    let date = said(workspace, "git", &["show", "--no-patch", "--format=%cs"]);
    let rustc = said(workspace, "rustc", &["--version"]);
    let valgrind = said(workspace, "valgrind", &["--version"]);
    let lock = fs::read_to_string(workspace.join("Cargo.lock"))?;
    let versions = ["aws-sdk-dynamodb", "dynoxide-rs", "lambda_runtime", "ring", "tokio"];
    let versions: Vec<_> = versions.iter().map(|name| format!("{name} {}", locked(&lock, name))).collect();
    Ok(format!(
        "* Machine: {model}, {cores} cores, {}, {system}, Linux {}\n* Commit: {commit} ({date})\n* {rustc}, {valgrind}, {}\n",
        std::env::consts::ARCH,
        kernel.trim(),
        versions.join(", ")
    ))
}

/// How much else there is to do: the load average of the last 15 minutes.
pub fn load() -> String {
    let averages = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    averages.split(' ').nth(2).unwrap_or("?").to_owned()
}

/// A program's first line; nothing when it is not there.
fn said(folder: &Path, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or("?").to_owned()
}

fn locked<'a>(lock: &'a str, name: &str) -> &'a str {
    let package = lock.split("[[package]]").find(|package| package.contains(&format!("name = \"{name}\"")));
    let version = package.and_then(|package| package.split_once("version = \"")?.1.split_once('"'));
    version.map_or("?", |pair| pair.0)
}
