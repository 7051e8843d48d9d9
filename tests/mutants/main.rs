//! Plants one fault after the other into a copy of the project, and says which test noticed it. The list names the tests.
//!
//! Run by `make test-mutants`. The copy is in the target folder and shares the compiled dependencies.

mod list;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};
use std::{env, fs};

use list::{Mutant, mutants, project};

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
    let mutants: Vec<_> = mutants().into_iter().filter(|mutant| mutant.name.contains(wanted)).collect();
    let tests: BTreeSet<_> = mutants.iter().flat_map(|mutant| &mutant.noticed_by).cloned().collect();
    if let Some(failed) = copy.failing_tests(&Vec::from_iter(tests))? {
        return Err(format!("{failed} fails without any mutant"));
    }
    let mut survivors = 0;
    for mutant in mutants {
        let caught = copy.with(&mutant, || copy.failing_tests(&mutant.noticed_by))?;
        survivors += usize::from(caught.is_none());
        println!("{:<61} {}", mutant.name, caught.as_deref().unwrap_or("SURVIVED"));
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
            let Ok(mut bytes) = fs::read(project().join(file)) else { continue };
            if file == "Cargo.toml" {
                bytes = with_other_version(&String::from_utf8_lossy(&bytes))?.into_bytes();
            }
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

    /// The names of those of these tests that fail, if any.
    fn failing_tests(&self, tests: &[String]) -> Result<Option<String>> {
        let cargo = || {
            let mut command = Command::new(env!("CARGO"));
            // The lock file is not what cargo expects, because of the version.
            command.args(["test", "--quiet", "--offline", "--workspace", "--test", "it"]);
            command.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
            // What cargo tells this program of its package makes some build scripts run again.
            for (name, _) in env::vars_os() {
                if [&b"CARGO_PKG_"[..], b"CARGO_MANIFEST_"].iter().any(|it| name.as_encoded_bytes().starts_with(it)) {
                    command.env_remove(name);
                }
            }
            command
        };
        let compiled = output(cargo().arg("--no-run"))?;
        if !compiled.status.success() {
            return Err(format!("does not compile:\n{}", String::from_utf8_lossy(&compiled.stderr)));
        }
        let tested = output(cargo().arg("--").args(tests))?;
        if tested.status.success() {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&tested.stdout).into_owned();
        let (_, listed) = text.rsplit_once("failures:\n").ok_or("the tests did not run to their end")?;
        let names: BTreeSet<&str> = listed.lines().map_while(|line| line.strip_prefix("    ")).collect();
        Ok(Some(names.into_iter().collect::<Vec<_>>().join(", ")))
    }
}

/// The workspace's manifest for the copy.
///
/// Cargo tells packages apart by name, version and place in the workspace. With the same version it would take what it
/// compiled of the copy for the project's, mutants and all, and the other way round.
fn with_other_version(manifest: &str) -> Result<String> {
    let version = manifest.split_once("\nversion = \"").and_then(|(_, rest)| rest.split_once('"'));
    let (version, _) = version.ok_or("the workspace has no version")?;
    let line = |version: &str| format!("\nversion = \"{version}\"\n");
    Ok(manifest.replacen(&line(version), &line(&format!("{version}+mutants")), 1))
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
