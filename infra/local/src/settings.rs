//! The settings of the local stack, and the folders that follow from them.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    net::TcpListener,
    path::{Path, PathBuf},
};

use crate::error::{Error, Result};

/// The port if `PORT` is not set.
const DEFAULT_PORT: u16 = 9000;
/// The data folder if `TERRAPI_DATA_DIR` is not set.
const DEFAULT_DATA_DIR: &str = ".local";
/// The log filter if `RUST_LOG` is not set.
const DEFAULT_LOG: &str = "info";

#[derive(Debug, Clone)]
pub struct Settings {
    /// `PORT`: the port of the service.
    pub port: u16,
    /// `TERRAPI_DATA_DIR`: the data folder, as an absolute path.
    pub data_dir: PathBuf,
    /// The project's folder, which contains `Cargo.toml`.
    pub workspace: PathBuf,
    /// `RUST_LOG`: the log filter of the functions.
    pub log: String,
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// [`Error::Setting`] for an invalid port; [`Error::Io`] without a working directory.
    #[expect(clippy::disallowed_methods, reason = "the one place where the local stack reads its environment")]
    pub fn from_environment() -> Result<Self> {
        let here = std::env::current_dir()?;
        // `cargo run` sets the folder of this crate, which is two levels below the project.
        let workspace = std::env::var_os("CARGO_MANIFEST_DIR")
            .and_then(|folder| Some(Path::new(&folder).ancestors().nth(2)?.to_path_buf()))
            .unwrap_or_else(|| here.clone());
        let data_dir = std::env::var_os("TERRAPI_DATA_DIR").filter(|value| !value.is_empty());
        let data_dir = data_dir.map_or_else(|| workspace.join(DEFAULT_DATA_DIR), |folder| here.join(folder));
        let log = std::env::var("RUST_LOG").unwrap_or_else(|_| DEFAULT_LOG.to_owned());
        Ok(Self { port: port(std::env::var("PORT").ok())?, data_dir, workspace, log })
    }

    /// The URL of the service.
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The folder of values that are too large for an item.
    pub fn blobs(&self) -> PathBuf {
        self.data_dir.join("blobs")
    }

    /// Creates the data folder and locks it as long as the result exists.
    ///
    /// # Errors
    /// [`Error::DataFolder`] if it cannot be written; [`Error::DataFolderInUse`] if another stack has locked it.
    pub fn lock_data_dir(&self) -> Result<File> {
        let unusable = |source| Error::DataFolder { path: self.data_dir.clone(), source };
        fs::create_dir_all(self.blobs()).map_err(unusable)?;
        let lock = self.data_dir.join("lock");
        let mut file = File::options().create(true).append(true).open(&lock).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::DataFolderInUse { path: self.data_dir.clone() }),
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(unusable)?;
        Ok(file)
    }

    /// Opens the port before the functions are compiled, so that no other process can take it meanwhile.
    ///
    /// # Errors
    /// [`Error::Port`] if it is in use.
    pub fn listen(&self) -> Result<TcpListener> {
        TcpListener::bind(("127.0.0.1", self.port)).map_err(|source| Error::Port { port: self.port, source })
    }
}

fn port(value: Option<String>) -> Result<u16> {
    match value.filter(|value| !value.is_empty()) {
        None => Ok(DEFAULT_PORT),
        Some(value) => match value.parse() {
            Ok(port) if port > 0 => Ok(port),
            _ => Err(Error::Setting { name: "PORT", value, expected: "a number from 1 to 65535" }),
        },
    }
}

/// Writes a file that only its owner may read, atomically.
///
/// # Errors
/// The error of the operating system.
pub fn write_private(path: &Path, content: &str) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;

    let fresh = path.with_extension("new");
    let mut file = File::options().create(true).write(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(content.as_bytes())?;
    fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_is_a_number_or_absent() {
        assert_eq!(port(None).unwrap(), 9000);
        assert_eq!(port(Some(String::new())).unwrap(), 9000);
        assert_eq!(port(Some("9123".into())).unwrap(), 9123);
        for wrong in ["0", "70000", "http", "-1"] {
            assert!(port(Some(wrong.into())).unwrap_err().to_string().starts_with("PORT is"), "{wrong}");
        }
    }

    fn settings(name: &str) -> Settings {
        let data_dir = std::env::temp_dir().join(format!("terrapi-{name}-{}", std::process::id()));
        Settings { port: 1, data_dir, workspace: PathBuf::new(), log: String::new() }
    }

    #[test]
    fn data_folder_has_one_stack_at_a_time() {
        let settings = settings("lock");
        let held = settings.lock_data_dir().unwrap();
        assert!(matches!(settings.lock_data_dir(), Err(Error::DataFolderInUse { .. })));
        drop(held);
        assert!(settings.lock_data_dir().is_ok());
        fs::remove_dir_all(&settings.data_dir).unwrap();
    }

    #[test]
    fn data_folder_that_is_a_file_gives_a_one_line_error() {
        let settings = settings("file");
        fs::write(&settings.data_dir, "").unwrap();
        let line = settings.lock_data_dir().unwrap_err().to_string();
        fs::remove_file(&settings.data_dir).unwrap();
        assert!(line.contains("TERRAPI_DATA_DIR") && !line.contains('\n'), "{line}");
    }

    #[test]
    fn busy_port_is_found_before_anything_is_built() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let settings = Settings { port: taken.local_addr().unwrap().port(), ..settings("port") };
        assert!(settings.listen().unwrap_err().to_string().contains("set PORT"));
    }

    #[test]
    fn a_free_port_is_kept_from_the_first_moment() {
        let free = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let settings = Settings { port: free, ..settings("kept") };
        let held = settings.listen().unwrap();
        assert!(TcpListener::bind(("127.0.0.1", free)).is_err(), "somebody else can take it");
        drop(held);
        settings.listen().unwrap();
    }
}
