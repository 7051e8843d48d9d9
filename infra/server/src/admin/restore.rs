//! Fills a new data folder from a backup, or from another data folder.

use std::path::{PathBuf, absolute};
use std::process::ExitCode;

use clap::Args;
use terrapi_local::folder::DataFolder;

use super::backup::report;
use super::check;
use super::copy::copy;
use crate::error::Result;

#[derive(Debug, Args)]
pub struct Restore {
    /// The folder of the backup
    #[arg(value_name = "BACKUP")]
    backup: PathBuf,
}

#[derive(Debug, Args)]
pub struct Import {
    /// The data folder to copy, which nothing may serve
    #[arg(value_name = "OTHER_FOLDER")]
    other: PathBuf,
}

/// Fills `folder`, which must not exist or be empty, from a backup, and checks it.
pub async fn restore(folder: &DataFolder, options: Restore) -> Result<ExitCode> {
    fill(folder, &DataFolder::new(absolute(options.backup)?)).await
}

/// Fills `folder`, which must not exist or be empty, from another data folder, and checks it.
pub async fn import(folder: &DataFolder, options: Import) -> Result<ExitCode> {
    let other = DataFolder::new(absolute(options.other)?);
    other.require_existing()?;
    // Nothing may serve it, because its objects are copied after its database.
    let _lock = other.lock()?;
    fill(folder, &other).await
}

/// If this is interrupted, the folder says that it is incomplete, and nothing uses it.
async fn fill(folder: &DataFolder, from: &DataFolder) -> Result<ExitCode> {
    from.require_existing()?;
    let _lock = folder.lock_empty()?;
    let missing = copy(from, folder).await?;
    folder.complete()?;
    report(&missing)?;
    check::run(folder).await
}
