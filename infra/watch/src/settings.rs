//! The settings of the stack, from the environment.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use terrapi_local::folder::DataFolder;

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
    /// `TERRAPI_DATA_DIR`: the data folder.
    pub data: DataFolder,
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
        let data = data_dir.map_or_else(|| workspace.join(DEFAULT_DATA_DIR), |folder| here.join(folder));
        let data = DataFolder::new(data);
        let log = std::env::var("RUST_LOG").unwrap_or_else(|_| DEFAULT_LOG.to_owned());
        Ok(Self { port: port(std::env::var("PORT").ok())?, data, workspace, log })
    }

    /// The URL of the service.
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
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
        let data = DataFolder::new(std::env::temp_dir().join(format!("terrapi-{name}-{}", std::process::id())));
        Settings { port: 1, data, workspace: PathBuf::new(), log: String::new() }
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
