//! The data folder: the database, large values, the files with secrets, and the version of all that.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use terrapi::auth::SigningKeyFile;
use terrapi::runtime::Random;

use crate::delivery_lock;
use crate::embedded::FILE;
use crate::error::{Error, Result};
use crate::pump;
use crate::template::Template;

/// The file with the signing key.
const SIGNING_KEYS: &str = "signing-keys.json";
/// The file with the settings of GitHub and GitLab, and with the key that seals people's tokens.
const PROVIDERS: &str = "providers.json";

/// The file with the first administrator's key and sessions, and with the token of their organization.
pub(crate) const CREDENTIALS: &str = "credentials.json";
/// The file with the version of the folder's format. A folder without it has the first version.
const VERSION_FILE: &str = "version";
/// The newest version of the format that this program knows.
const VERSION: u32 = 1;
/// What the version file says while the folder is being filled.
const INCOMPLETE: &str = "incomplete";

/// A data folder, as an absolute path.
#[derive(Debug, Clone)]
pub struct DataFolder(PathBuf);

impl DataFolder {
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The database file.
    pub fn database(&self) -> PathBuf {
        self.0.join(FILE)
    }

    /// The folder of values that are too large for an item.
    pub fn blobs(&self) -> PathBuf {
        self.0.join("blobs")
    }

    /// The file with the signing key.
    pub fn signing_keys(&self) -> PathBuf {
        self.0.join(SIGNING_KEYS)
    }

    /// The file with the settings of GitHub and GitLab, and with the key that seals people's tokens.
    pub fn providers(&self) -> PathBuf {
        self.0.join(PROVIDERS)
    }

    /// The files beside the database and the objects that cannot be made again: those with secrets, and the changes that
    /// the worker gave up.
    ///
    /// # Errors
    /// [`Error::DataFolder`].
    pub fn files(&self) -> Result<Vec<PathBuf>> {
        let kept = |name: &str| {
            [SIGNING_KEYS, PROVIDERS, CREDENTIALS].contains(&name) || name.ends_with(pump::DEAD_LETTERS_SUFFIX)
        };
        let files = || fs::read_dir(&self.0)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>();
        let mut files = files().map_err(|source| Error::DataFolder { path: self.0.clone(), source })?;
        files.retain(|file| file.file_name().and_then(OsStr::to_str).is_some_and(kept));
        Ok(files)
    }

    /// The variables that tell a function where its data is.
    pub fn variables(&self, template: &Template) -> Vec<(String, String)> {
        let url = |path: &Path| format!("file://{}", path.display());
        let locations = [
            ("TERRAPI_BLOBS", self.blobs()),
            ("TERRAPI_SIGNING_KEYS", self.signing_keys()),
            ("TERRAPI_SECRET_ARN", self.providers()),
        ];
        let tables = template.tables.iter().map(|table| (table.variable(), table.name.clone()));
        locations.map(|(name, path)| (name.to_owned(), url(&path))).into_iter().chain(tables).collect()
    }

    /// Creates the folder and locks it as long as the result exists.
    ///
    /// # Errors
    /// [`Error::DataFolder`], [`Error::DataFolderInUse`], and as [`Self::require_known_version`].
    pub fn lock(&self) -> Result<File> {
        self.require_known_version()?;
        let lock = self.lock_contents()?;
        if !self.0.join(VERSION_FILE).exists() {
            self.write_version(&VERSION.to_string())?;
        }
        Ok(lock)
    }

    /// As [`Self::lock`], for a folder that is about to be filled. Until [`Self::complete`], nobody can use it.
    ///
    /// # Errors
    /// [`Error::NotEmpty`] if it has contents; [`Error::DataFolder`]; [`Error::DataFolderInUse`].
    pub fn lock_empty(&self) -> Result<File> {
        let unusable = |source| Error::DataFolder { path: self.0.clone(), source };
        let has_contents = match fs::read_dir(&self.0) {
            Ok(mut entries) => entries.next().is_some(),
            Err(source) if source.kind() == io::ErrorKind::NotFound => false,
            Err(source) => return Err(unusable(source)),
        };
        if has_contents {
            return Err(Error::NotEmpty { path: self.0.clone() });
        }
        let lock = self.lock_contents()?;
        self.write_version(INCOMPLETE)?;
        Ok(lock)
    }

    /// Marks the folder as complete.
    ///
    /// # Errors
    /// [`Error::DataFolder`].
    pub fn complete(&self) -> Result<()> {
        self.write_version(&VERSION.to_string())
    }

    /// # Errors
    /// [`Error::NewerDataFolder`] and [`Error::IncompleteDataFolder`]; [`Error::DataFolder`] if the version cannot be
    /// read.
    pub fn require_known_version(&self) -> Result<()> {
        let path = self.0.join(VERSION_FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(Error::DataFolder { path, source }),
        };
        match text.trim().parse::<u32>() {
            Ok(version) if version <= VERSION => Ok(()),
            Ok(version) => Err(Error::NewerDataFolder { path: self.0.clone(), version, known: VERSION }),
            Err(_) if text.trim() == INCOMPLETE => Err(Error::IncompleteDataFolder { path: self.0.clone() }),
            Err(error) => Err(Error::DataFolder { path, source: io::Error::other(error) }),
        }
    }

    /// # Errors
    /// [`Error::NoDataFolder`] if there is no database; otherwise as [`Self::require_known_version`].
    pub fn require_existing(&self) -> Result<()> {
        self.require_known_version()?;
        match self.database().metadata() {
            Ok(_) => Ok(()),
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                Err(Error::NoDataFolder { path: self.0.clone() })
            }
            Err(source) => Err(Error::DataFolder { path: self.0.clone(), source }),
        }
    }

    fn write_version(&self, text: &str) -> Result<()> {
        let path = self.0.join(VERSION_FILE);
        write_private(&path, &format!("{text}\n"))
            .and_then(|()| sync_folder(&self.0))
            .map_err(|source| Error::DataFolder { path, source })
    }

    /// Creates the folder and locks it, whatever its version is.
    ///
    /// # Errors
    /// [`Error::DataFolder`] if it cannot be written; [`Error::DataFolderInUse`] if another process has locked it.
    fn lock_contents(&self) -> Result<File> {
        let unusable = |source| Error::DataFolder { path: self.0.clone(), source };
        // Nobody else may read the values, and the database contains hashes of secrets.
        DirBuilder::new().recursive(true).mode(0o700).create(self.blobs()).map_err(unusable)?;
        let mut file =
            File::options().create(true).append(true).mode(0o600).open(self.0.join("lock")).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::DataFolderInUse { path: self.0.clone() }),
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(unusable)?;
        delivery_lock::create(&self.0).map_err(unusable)?;
        Ok(file)
    }

    /// Creates the files with secrets that do not exist yet: a signing key, and the key that seals people's tokens.
    ///
    /// # Errors
    /// [`Error::DataFolder`].
    pub fn create_secrets(&self, random: &Random) -> Result<()> {
        if !self.signing_keys().exists() {
            write_json(&self.signing_keys(), &SigningKeyFile::new(new_seed(random)?))?;
        }
        if !self.providers().exists() {
            write_json(&self.providers(), &BTreeMap::from([("TOKEN_SEALING_KEY", new_seed(random)?)]))?;
        }
        Ok(())
    }
}

/// 256 random bits as hexadecimal digits: the seed of a key.
///
/// # Errors
/// [`Error::Bootstrap`] if the system has no randomness.
pub fn new_seed(random: &Random) -> Result<String> {
    let seed: [u8; 32] = random.bytes()?;
    let digits = seed.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    Ok(digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect())
}

/// Reads a JSON file. `None` if it does not exist.
///
/// # Errors
/// [`Error::DataFolder`], or [`Error::Bootstrap`] if it is damaged.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text).map(Some).map_err(|error| damaged(path, &error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::DataFolder { path: path.to_owned(), source }),
    }
}

/// Writes a JSON file that only its owner may read, atomically.
///
/// # Errors
/// [`Error::DataFolder`].
pub fn write_json(path: &Path, content: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(content).map_err(|error| damaged(path, &error))?;
    write_private(path, &format!("{text}\n")).map_err(|source| Error::DataFolder { path: path.to_owned(), source })
}

fn damaged(path: &Path, error: &serde_json::Error) -> Error {
    Error::Bootstrap(format!("{} is damaged ({error}); remove it to get a new one", path.display()))
}

/// Makes the names in a folder durable.
///
/// # Errors
/// Those of the operating system.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn write_private(path: &Path, content: &str) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = File::options().create(true).write(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()?;
    fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> DataFolder {
        DataFolder::new(std::env::temp_dir().join(format!("terrapi-{name}-{}", std::process::id())))
    }

    #[test]
    fn data_folder_is_used_by_one_process_at_a_time() {
        let folder = folder("lock");
        let held = folder.lock().unwrap();
        assert!(matches!(folder.lock(), Err(Error::DataFolderInUse { .. })));
        drop(held);
        assert!(folder.lock().is_ok());
        fs::remove_dir_all(folder.path()).unwrap();
    }

    #[test]
    fn data_folder_of_a_newer_version_is_refused_and_kept() {
        let folder = folder("newer");
        drop(folder.lock().unwrap());
        let version = folder.path().join(VERSION_FILE);
        assert_eq!(fs::read_to_string(&version).unwrap(), "1\n");
        fs::write(&version, "2\n").unwrap();
        let line = folder.lock().unwrap_err().to_string();
        assert!(line.contains("newer version of terrapi") && !line.contains('\n'), "{line}");
        assert_eq!(fs::read_to_string(&version).unwrap(), "2\n");
        fs::write(&version, "two").unwrap();
        assert!(matches!(folder.lock(), Err(Error::DataFolder { .. })));
        fs::remove_dir_all(folder.path()).unwrap();
    }

    #[test]
    fn incomplete_folder_cannot_be_used() {
        let folder = folder("filled");
        drop(folder.lock_empty().unwrap());
        assert!(matches!(folder.lock(), Err(Error::IncompleteDataFolder { .. })));
        assert!(matches!(folder.lock_empty(), Err(Error::NotEmpty { .. })));
        folder.complete().unwrap();
        assert!(folder.lock().is_ok());
        fs::remove_dir_all(folder.path()).unwrap();
    }

    #[test]
    fn data_folder_that_is_a_file_gives_a_one_line_error() {
        let folder = folder("file");
        fs::write(folder.path(), "").unwrap();
        let line = folder.lock().unwrap_err().to_string();
        fs::remove_file(folder.path()).unwrap();
        assert!(line.contains("is not usable") && !line.contains('\n'), "{line}");
    }

    #[test]
    fn variables_name_every_table_and_file() {
        let variables = DataFolder::new("/data".into()).variables(Template::project().unwrap());
        let value = |name: &str| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        assert_eq!(value("TERRAPI_IDENTITY_TABLE"), Some("terrapi-identity"));
        assert_eq!(value("TERRAPI_KV_TABLE"), Some("terrapi-kv"));
        assert_eq!(value("TERRAPI_OPERATIONS_TABLE"), Some("terrapi-operations"));
        assert_eq!(value("TERRAPI_BLOBS"), Some("file:///data/blobs"));
        assert_eq!(value("TERRAPI_SIGNING_KEYS"), Some("file:///data/signing-keys.json"));
        assert_eq!(value("TERRAPI_SECRET_ARN"), Some("file:///data/providers.json"));
    }
}
