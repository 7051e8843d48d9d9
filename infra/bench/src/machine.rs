//! Describes the machine on which the figures were measured.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Result;

/// The machine, the commit and the relevant versions, as a Markdown list.
pub fn describe(workspace: &Path) -> Result<String> {
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("", |pair| pair.1);
    let cores = std::thread::available_parallelism()?;
    let system = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let system = system.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or("Linux").trim_matches('"');
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let commit = first_line(workspace, "git", &["describe", "--always", "--dirty"]);
    let date = first_line(workspace, "git", &["show", "--no-patch", "--format=%cs"]);
    let rustc = first_line(workspace, "rustc", &["--version"]);
    let valgrind = first_line(workspace, "valgrind", &["--version"]);
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

/// The load average of the last 15 minutes.
pub fn load() -> String {
    let averages = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    averages.split(' ').nth(2).unwrap_or("?").to_owned()
}

/// The first line of a program's output. Empty if the program is missing.
fn first_line(folder: &Path, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or("?").to_owned()
}

fn locked<'a>(lock: &'a str, name: &str) -> &'a str {
    let package = lock.split("[[package]]").find(|package| package.contains(&format!("name = \"{name}\"")));
    let version = package.and_then(|package| package.split_once("version = \"")?.1.split_once('"'));
    version.map_or("?", |pair| pair.0)
}
