//! The mutants described in `store.yaml`.

use std::path::PathBuf;

use serde::Deserialize;

/// A mutation: in `file`, the only occurrence of `search` becomes `replace`.
#[derive(Debug, Deserialize)]
pub struct Mutant {
    pub name: String,
    /// Parts of the names of tests of which one must fail.
    pub noticed_by: Vec<String>,
    pub file: PathBuf,
    pub search: String,
    pub replace: String,
}

impl Mutant {
    /// The source text with the mutation applied.
    pub fn applied_to(&self, text: &str) -> Result<String, String> {
        match text.matches(&self.search).count() {
            1 => Ok(text.replacen(&self.search, &self.replace, 1)),
            times => Err(format!("{}: what it replaces occurs {times} times in {}", self.name, self.file.display())),
        }
    }
}

pub fn mutants() -> Vec<Mutant> {
    yaml_serde::from_str(include_str!("store.yaml")).expect("store.yaml is a list of mutants")
}

/// The workspace root.
pub fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}
