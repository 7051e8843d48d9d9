//! The errors of the data folder and the embedded engine. Each message is one line that tells a person what to do.

use std::{io, path::PathBuf};

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `template.yaml` lacks something that this crate needs.
    #[error("template.yaml: {0}")]
    Template(String),
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
    #[error("the data folder {} is not usable ({source}); choose a folder you can write", path.display())]
    DataFolder {
        /// The folder, or the file in it.
        path: PathBuf,
        source: io::Error,
    },
    /// Another process uses the data folder.
    #[error("the data folder {} is in use by another process; stop it, or choose another folder", path.display())]
    DataFolderInUse { path: PathBuf },
    /// The data folder has a format that this program does not know.
    #[error(
        "the data folder {} was written by a newer version of terrapi (its format is {version}, and this version knows \
         formats up to {known}); use that version",
        path.display()
    )]
    NewerDataFolder { path: PathBuf, version: u32, known: u32 },
    /// Filling the data folder was interrupted.
    #[error("the data folder {} is incomplete, because a restore was interrupted; remove it and restore again", path.display())]
    IncompleteDataFolder { path: PathBuf },
    /// The data folder does not exist, or has no database.
    #[error("the data folder {} has no data; `terrapi serve` or `terrapi admin create-administrator` creates it", path.display())]
    NoDataFolder { path: PathBuf },
    /// A folder that is to be filled has contents.
    #[error("the folder {} is not empty; choose a folder that does not exist", path.display())]
    NotEmpty { path: PathBuf },
    /// The worker did not finish what it does, or another backup runs.
    #[error("the worker of {} is still busy, or another backup is running; try again", path.display())]
    DeliveriesRunning { path: PathBuf },
    /// The subscriber of a stream did not process a batch.
    #[error("the subscriber of a stream: {0}")]
    Subscriber(String),
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

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error.to_string())
    }
}
