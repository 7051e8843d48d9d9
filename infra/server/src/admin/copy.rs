//! Copies all data from one folder into another.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use terrapi::domain::kv::BlobRef;
use terrapi::runtime::App;
use terrapi_local::embedded::{copy_database, seal_database};
use terrapi_local::folder::{DataFolder, sync_folder};
use terrapi_local::{EmbeddedEngine, Error as LocalError, Template};

use super::opened::Opened;
use crate::error::Result;

/// The mode of a file that only its owner may read.
const PRIVATE: u32 = 0o600;

/// Copies the data as of one moment, and makes the copy durable. `to` is empty. No delivery may run. Returns the objects
/// that are missing although a record names them.
///
/// The positions in the streams are not copied: the changes that the worker has not processed are in the database, and a
/// position that is newer than the database would skip some of them. Without a position the worker begins with the oldest
/// change, and so processes a few of them twice.
///
/// # Errors
/// A file cannot be read or written, or the database is damaged.
pub async fn copy(from: &DataFolder, to: &DataFolder) -> Result<Vec<BlobRef>> {
    // Before the database: a key is published in the database before it is in the file, so this order never gives a
    // signing key that the database does not know.
    for file in from.files()? {
        if let Some(name) = file.file_name() {
            copy_file(&file, &to.path().join(name))?;
        }
    }
    copy_database(&from.database(), &to.database())?;
    // The folder may come from a version with fewer tables and indexes.
    EmbeddedEngine::open(to.path())?.create_tables(Template::project()?)?;
    let missing = {
        let app = Opened::unchecked(to)?.app;
        Objects { from: from.blobs(), to: to.blobs(), folders: BTreeSet::new() }.copy(&app).await?
    };
    seal_database(&to.database())?;
    make_private(&to.database())?;
    sync_folder(to.path())?;
    Ok(missing)
}

/// Objects never change, and their names are never used again.
struct Objects {
    from: PathBuf,
    to: PathBuf,
    /// The folders that have new names in them.
    folders: BTreeSet<PathBuf>,
}

impl Objects {
    /// Copies the objects that the copied database names: not those of writes that ended later.
    async fn copy(mut self, app: &App) -> Result<Vec<BlobRef>> {
        let (mut missing, mut after) = (Vec::new(), None);
        loop {
            let (objects, next) = app.store.scan_objects(after).await?;
            for name in objects {
                if !self.copy_one(&name)? {
                    missing.push(name);
                }
            }
            match next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        self.folders.insert(self.to.clone());
        self.folders.iter().try_for_each(|folder| sync_folder(folder))?;
        Ok(missing)
    }

    /// `false` if the object does not exist.
    fn copy_one(&mut self, name: &BlobRef) -> Result<bool> {
        let (from, to) = (self.from.join(&name.0), self.to.join(&name.0));
        if let Some(folder) = to.parent()
            && !self.folders.contains(folder)
        {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            let within = folder.ancestors().take_while(|folder| *folder != self.to);
            self.folders.extend(within.map(Path::to_owned));
        }
        match link_or_copy(&from, &to) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(LocalError::DataFolder { path: to, source }.into()),
        }
    }
}

/// A link costs neither time nor space. It is not possible to another file system.
fn link_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        // Both names are of the same file, which is durable already.
        Ok(()) => fs::set_permissions(to, Permissions::from_mode(PRIVATE)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(error),
        Err(_) => copy_durably(from, to),
    }
}

fn copy_file(from: &Path, to: &Path) -> Result<()> {
    copy_durably(from, to).map_err(|source| LocalError::DataFolder { path: to.to_owned(), source }.into())
}

fn copy_durably(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    make_private(to)
}

/// Lets only its owner read a file, and makes it durable.
fn make_private(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(PRIVATE))?;
    File::open(path)?.sync_all()
}
