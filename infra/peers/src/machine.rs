//! Describes the machine and the versions.

use std::fs;
use std::process::Command;

use crate::settings::Settings;

/// A Markdown list.
pub fn describe(settings: &Settings) -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| Some(line.strip_prefix("model name")?.split_once(": ")?.1)).unwrap_or("?");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let system = read("/etc/os-release");
    let system = system.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or("Linux").trim_matches('"');
    let kernel = read("/proc/sys/kernel/osrelease");
    let temporary = std::env::temp_dir();
    // The second line; the first one is a heading.
    let disk = output(settings, "df", &["--output=fstype", &temporary.to_string_lossy()], 1);
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or("?");
    let commit = output(settings, "git", &["describe", "--always", "--dirty"], 0);
    let python = |program: &str| settings.workspace.join(".tools/peers/bin").join(program).display().to_string();
    let versions = [
        // `OpenBao v2.7.2 (…), built …`
        words(&output(settings, &python("bao"), &["version"], 0), 2),
        output(settings, "etcd", &["--version"], 0).replace(" Version:", ""),
        format!("Node {}", output(settings, "node", &["--version"], 0)),
        output(settings, &python("python"), &["--version"], 0),
        // `wrk debian/4.1.0-3+b2 [epoll] …`
        words(&output(settings, "wrk", &["--version"], 0), 2),
    ];
    format!(
        "* Machine: {model}, {cores} cores, {}, {system}, Linux {}; data on {disk}\n* Load average of a minute before the run: {load}\n* Commit: {commit}\n* {}\n",
        std::env::consts::ARCH,
        kernel.trim(),
        versions.join(", ")
    )
}

/// A line of a program's output. `?` if the program is missing.
fn output(settings: &Settings, program: &str, arguments: &[&str], line: usize) -> String {
    let output = Command::new(program).args(arguments).current_dir(&settings.workspace).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().nth(line).unwrap_or("?").to_owned()
}

/// The first words of a text.
fn words(text: &str, count: usize) -> String {
    text.split(' ').take(count).collect::<Vec<_>>().join(" ")
}
