//! The errors of the local stack. Each message is one line that tells a person what to do.

use std::{io, path::PathBuf};

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `template.yaml` lacks something that this crate needs.
    #[error("template.yaml: {0}")]
    Template(String),
    /// `Cargo.toml` has no table of the emulator's routes.
    #[error("Cargo.toml has no table [workspace.metadata.lambda.watch.router]")]
    Manifest,
    /// The embedded engine returned an error.
    #[error("the embedded database: {0}")]
    Engine(String),
    /// A table in the data folder was created with another key than that of the template.
    #[error("table {table} in {folder} has another key than template.yaml; move the folder away to start afresh")]
    OtherKey {
        table: String,
        /// The folder of the engine.
        folder: String,
    },
    /// The data folder cannot be created, read or written.
    #[error("the data folder {} is not usable ({source}); set TERRAPI_DATA_DIR to a folder you can write", path.display())]
    DataFolder {
        /// The folder, or the file in it.
        path: PathBuf,
        source: io::Error,
    },
    /// Another local stack uses the data folder.
    #[error("the data folder {} is in use by another local stack; stop it, or set TERRAPI_DATA_DIR", path.display())]
    DataFolderInUse { path: PathBuf },
    /// A setting is invalid.
    #[error("{name} is {value:?}, but it must be {expected}")]
    Setting {
        name: &'static str,
        value: String,
        /// What is valid, as the rest of a sentence.
        expected: &'static str,
    },
    /// The port is in use.
    #[error("port {port} cannot be listened on ({source}); set PORT to another one")]
    Port { port: u16, source: io::Error },
    /// A required program is missing.
    #[error("{program} is not installed: {remedy}")]
    MissingTool {
        program: &'static str,
        /// How to install it.
        remedy: &'static str,
    },
    /// The functions do not compile.
    #[error("the functions did not compile (see above)")]
    Build,
    /// The emulator or a function in it failed.
    #[error("the emulator: {0}")]
    Emulator(String),
    /// Another process listens on the emulator's port.
    #[error("the emulator: every port that was tried was taken by somebody else")]
    PortLost,
    /// The first credentials could not be created.
    #[error("the first credentials: {0}")]
    Bootstrap(String),
    /// Any other error of the operating system.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<dynoxide::DynoxideError> for Error {
    fn from(error: dynoxide::DynoxideError) -> Self {
        Self::Engine(error.to_string())
    }
}

impl From<terrapi::domain::Error> for Error {
    /// With the whole chain of causes, because the first text is meant for clients of the API.
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
