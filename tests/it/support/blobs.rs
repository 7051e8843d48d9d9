//! A folder for one test's objects.

use std::path::{Path, PathBuf};

/// Removed with everything in it when dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("terrapi-test-{}", uuid::Uuid::from_bytes(random())));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// How many objects there are.
    pub fn count(&self) -> usize {
        fn below(path: &Path) -> usize {
            let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
            entries.map(|entry| if entry.is_dir() { below(&entry) } else { 1 }).sum()
        }
        below(&self.0)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn random() -> [u8; 16] {
    terrapi::runtime::Random::default().bytes().unwrap()
}
