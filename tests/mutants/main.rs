//! Applies one mutation after the other to a copy of the project, and reports which test caught it.
//!
//! Run by `make test-mutants`. The copy is in the target folder and shares the compiled dependencies.

mod list;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};
use std::{env, fs};

use list::{Mutant, mutants, project};

/// The test suites run on every mutant, fastest first, until one fails.
const SUITES: [&[&str]; 2] = [&["kv::"], &["linearizability::", "--nocapture"]];

type Result<T> = std::result::Result<T, String>;

fn main() -> ExitCode {
    // An optional argument selects the mutants whose name contains it.
    let wanted = env::args().nth(1).unwrap_or_default();
    match run(&wanted) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether every mutant was caught.
fn run(wanted: &str) -> Result<bool> {
    let target = project().join("target");
    let copy = Copy { root: target.join("mutants"), target };
    copy.update()?;
    for suite in SUITES {
        if let Some(failed) = copy.failing_tests(suite)? {
            return Err(format!("{failed} fails without any mutant"));
        }
    }
    let mut survivors = 0;
    for mutant in mutants().into_iter().filter(|mutant| mutant.name.contains(wanted)) {
        let caught = copy.with(&mutant, || {
            let mut failing = SUITES.iter().map(|suite| copy.failing_tests(suite));
            failing.find_map(Result::transpose).transpose()
        })?;
        survivors += usize::from(caught.is_none());
        println!("{:<45} {}", mutant.name, caught.as_deref().unwrap_or("SURVIVED"));
    }
    Ok(survivors == 0)
}

/// A copy of the project, and its target folder.
struct Copy {
    root: PathBuf,
    target: PathBuf,
}

impl Copy {
    /// Updates the copy. Equal files are not touched, so that little is compiled again.
    fn update(&self) -> Result<()> {
        let listed =
            output(Command::new("git").args(["ls-files", "-z", "-co", "--exclude-standard"]).current_dir(project()))?;
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        for file in listed.split('\0').filter(|file| !file.is_empty()) {
            let Ok(bytes) = fs::read(project().join(file)) else { continue };
            write(&self.root.join(file), &bytes)?;
        }
        Ok(())
    }

    /// Runs `work` while the mutation is applied.
    fn with<T>(&self, mutant: &Mutant, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let path = self.root.join(&mutant.file);
        let original = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        write(&path, mutant.applied_to(&original)?.as_bytes())?;
        let done = work();
        write(&path, original.as_bytes())?;
        done.map_err(|reason| format!("{}: {reason}", mutant.name))
    }

    /// The names of the failing tests, if any.
    fn failing_tests(&self, suite: &[&str]) -> Result<Option<String>> {
        let cargo = || {
            let mut command = Command::new(env!("CARGO"));
            command.args(["test", "--quiet", "--locked", "--workspace", "--test", "it"]);
            command.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
            command
        };
        let compiled = output(cargo().arg("--no-run"))?;
        if !compiled.status.success() {
            return Err(format!("does not compile:\n{}", String::from_utf8_lossy(&compiled.stderr)));
        }
        let tested = output(cargo().arg("--").args(suite))?;
        if tested.status.success() {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&tested.stdout).into_owned();
        let (_, listed) = text.rsplit_once("failures:\n").ok_or("the tests did not run to their end")?;
        let names: BTreeSet<&str> = listed.lines().map_while(|line| line.strip_prefix("    ")).collect();
        Ok(Some(names.into_iter().collect::<Vec<_>>().join(", ")))
    }
}

fn output(command: &mut Command) -> Result<Output> {
    command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let folder = path.parent().ok_or("a file has a folder")?;
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(path, bytes));
    written.map_err(|error| format!("{}: {error}", path.display()))
}
