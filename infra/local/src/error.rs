//! What can go wrong while the stack starts, each case in one line a person can act on.

use std::{io, path::PathBuf};

/// The stack's result.
pub type Result<T> = std::result::Result<T, Error>;

/// Why the stack did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `template.yaml` does not say what this crate needs to know.
    #[error("template.yaml: {0}")]
    Template(String),
    /// `Cargo.toml` has no table of the emulator's routes.
    #[error("Cargo.toml has no table [workspace.metadata.lambda.watch.router]")]
    Manifest,
    /// The embedded engine refused something.
    #[error("the embedded database: {0}")]
    Engine(String),
    /// A table on disk was created with another key than the template's.
    #[error("table {table} in {folder} has another key than template.yaml; move the folder away to start afresh")]
    OtherKey {
        /// The table's name.
        table: String,
        /// What the engine opened.
        folder: String,
    },
    /// The data folder cannot be made, read or written.
    #[error("the data folder {} is not usable ({source}); set TERRAPI_DATA_DIR to a folder you can write", path.display())]
    DataFolder {
        /// The folder or the file in it.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another stack works on the same data folder.
    #[error("the data folder {} is in use by another local stack; stop it, or set TERRAPI_DATA_DIR", path.display())]
    DataFolderInUse {
        /// The folder.
        path: PathBuf,
    },
    /// A setting is not what it should be.
    #[error("{name} is {value:?}, but it must be {expected}")]
    Setting {
        /// The variable's name.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// The port is taken.
    #[error("port {port} cannot be listened on ({source}); set PORT to another one")]
    Port {
        /// The port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// A program is missing.
    #[error("{program} is not installed: {remedy}")]
    MissingTool {
        /// What was looked for.
        program: &'static str,
        /// How to get it.
        remedy: &'static str,
    },
    /// The functions do not compile.
    #[error("the functions did not compile (see above)")]
    Build,
    /// The emulator, or a function in it, does not run.
    #[error("the emulator: {0}")]
    Emulator(String),
    /// Somebody else listens on the emulator's port.
    #[error("the emulator: every port that was tried was taken by somebody else")]
    PortLost,
    /// First credentials could not be created.
    #[error("the first credentials: {0}")]
    Bootstrap(String),
    /// Anything else the system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<dynoxide::DynoxideError> for Error {
    fn from(error: dynoxide::DynoxideError) -> Self {
        Self::Engine(error.to_string())
    }
}

impl From<terrapi::domain::Error> for Error {
    /// With the whole chain of causes, since the first text is meant for callers of the API.
    fn from(error: terrapi::domain::Error) -> Self {
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        Self::Bootstrap(text)
    }
}
