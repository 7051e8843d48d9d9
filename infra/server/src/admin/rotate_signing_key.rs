//! Replaces the signing key before it is due, for example because somebody may have read it.

use terrapi_local::folder::DataFolder;

use super::opened::Opened;
use crate::error::Result;
use crate::rotation;

/// Rotates the key. A serving process reads the file again within minutes.
pub async fn run(folder: &DataFolder) -> Result<()> {
    let app = Opened::existing(folder)?.app;
    Ok(rotation::rotate(&folder.signing_keys(), &app).await?)
}
