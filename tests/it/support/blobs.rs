//! A temporary folder for the objects of one test.

use std::path::{Path, PathBuf};

/// Removed with its contents when dropped.
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

    /// The number of objects.
    pub fn count(&self) -> usize {
        self.objects().len()
    }

    /// The name of the oldest object: names end with time-ordered ids.
    pub fn oldest(&self) -> String {
        let names = self.objects().into_iter();
        names.map(|path| path.strip_prefix(&self.0).unwrap().display().to_string()).min().unwrap()
    }

    fn objects(&self) -> Vec<PathBuf> {
        fn below(path: &Path) -> Vec<PathBuf> {
            let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
            entries.flat_map(|entry| if entry.is_dir() { below(&entry) } else { vec![entry] }).collect()
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
