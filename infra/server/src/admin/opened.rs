//! A data folder that a command uses, whether or not it is served.

use std::time::{Duration, Instant};

use terrapi::runtime::{App, Random};
use terrapi_local::folder::DataFolder;
use terrapi_local::{EmbeddedEngine, Error as LocalError, Template};
use tokio::time::sleep;

use crate::configuration;
use crate::error::Result;

/// How long a process that has just created the folder may take to create its tables.
const PATIENCE: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// What a command works on. Every write is on disk before it is answered.
pub struct Opened {
    pub app: App,
}

impl Opened {
    /// Opens a folder that has data.
    ///
    /// # Errors
    /// [`LocalError::NoDataFolder`] if it has none, and other errors of the folder.
    pub fn existing(folder: &DataFolder) -> Result<Self> {
        folder.require_existing()?;
        Self::unchecked(folder)
    }

    /// Opens a folder that has data but may be incomplete.
    ///
    /// # Errors
    /// Those of the database.
    pub fn unchecked(folder: &DataFolder) -> Result<Self> {
        let engine = EmbeddedEngine::open(folder.path())?;
        let config = configuration::read(None, false, folder, &engine, Template::project()?)?;
        Ok(Self { app: App::from_config(&config)? })
    }

    /// Opens a folder, and first creates what is missing in it.
    ///
    /// # Errors
    /// Those of the folder.
    pub async fn or_created(folder: &DataFolder) -> Result<Self> {
        let end = Instant::now() + PATIENCE;
        while !create(folder)? {
            if Instant::now() > end {
                return Err(LocalError::DataFolderInUse { path: folder.path().to_owned() }.into());
            }
            sleep(POLL_INTERVAL).await;
        }
        Self::existing(folder)
    }
}

/// Creates the tables and secrets of a folder that is not served. `false` if another process is about to create them.
fn create(folder: &DataFolder) -> Result<bool> {
    let template = Template::project()?;
    let _lock = match folder.lock() {
        Ok(lock) => lock,
        Err(LocalError::DataFolderInUse { .. }) => return is_complete(folder, template),
        Err(error) => return Err(error.into()),
    };
    EmbeddedEngine::open(folder.path())?.create_tables(template)?;
    folder.create_secrets(&Random::default())?;
    Ok(true)
}

/// Whether the folder has everything that a start creates.
fn is_complete(folder: &DataFolder, template: &Template) -> Result<bool> {
    if !folder.database().exists() || !folder.providers().exists() {
        return Ok(false);
    }
    let engine = EmbeddedEngine::open(folder.path())?;
    for table in &template.tables {
        if engine.database().get_table_metadata(&table.name).map_err(LocalError::from)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}
