//! Copies a data folder, also while it is served.

use std::fs;
use std::path::{Path, PathBuf, absolute};
use std::time::Duration;

use clap::Args;
use terrapi::domain::kv::BlobRef;
use terrapi_local::delivery_lock::NoDeliveries;
use terrapi_local::folder::{DataFolder, sync_folder};

use super::copy::copy;
use crate::error::{Error, Result};

/// How long the worker may take to finish what it does: a little longer than its time limit.
const PATIENCE: Duration = Duration::from_secs(150);

#[derive(Debug, Args)]
pub struct Backup {
    /// The folder of the backup, which must not exist. It is complete or absent, and has the form of a data folder
    #[arg(value_name = "FOLDER")]
    target: PathBuf,
}

/// Writes the backup and prints its folder. Requests are answered meanwhile; only the worker pauses.
pub async fn run(folder: &DataFolder, options: Backup) -> Result<()> {
    folder.require_existing()?;
    let target = absolute(options.target)?;
    let partial = partial(&target);
    for (path, reason) in [(&target, "exists"), (&partial, "is left from an interrupted backup")] {
        if fs::symlink_metadata(path).is_ok() {
            return Err(Error::Setting(format!("{} {reason}; remove it, or choose another folder", path.display())));
        }
    }
    let _no_deliveries = NoDeliveries::wait(folder.path(), PATIENCE)?;
    let missing = match write(folder, &DataFolder::new(partial.clone())).await {
        Ok(missing) => missing,
        Err(error) => {
            // The first error is the one to report.
            let _ = fs::remove_dir_all(&partial);
            return Err(error);
        }
    };
    fs::rename(&partial, &target)?;
    if let Some(parent) = target.parent() {
        sync_folder(parent)?;
    }
    println!("{}", target.display());
    report(&missing)
}

async fn write(folder: &DataFolder, partial: &DataFolder) -> Result<Vec<BlobRef>> {
    let _lock = partial.lock_empty()?;
    let missing = copy(folder, partial).await?;
    partial.complete()?;
    Ok(missing)
}

fn partial(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

/// # Errors
/// If the folder that was copied is damaged. The copy has the same damage.
pub fn report(missing: &[BlobRef]) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    for BlobRef(name) in missing {
        eprintln!("terrapi: the object {name} of a record is missing");
    }
    Err(Error::Start(format!("everything else was copied, but {} objects are missing", missing.len())))
}
