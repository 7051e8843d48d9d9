//! Values that are too large for an item. Each is an immutable object under a name that is never reused.

use std::sync::Arc;

use bytes::Bytes;
use object_store::aws::AmazonS3;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use tokio::time::timeout;

use super::bucket::{CALL_TIMEOUT, open_bucket};
use super::config::StoreConfig;
use crate::deadline::within;
use crate::domain::kv::BlobRef;
use crate::domain::{Error, Result};

/// Object storage. An enum instead of a `dyn ObjectStore`, which would link listing and copying into every binary.
#[derive(Clone)]
pub enum Blobs {
    /// For a function that does not use object storage.
    None,
    /// S3, or another server that speaks its protocol.
    Bucket(Arc<AmazonS3>),
    /// A folder.
    Folder(Arc<LocalFileSystem>),
}

impl Blobs {
    /// Opens the bucket at `https://<bucket>.s3.<region>.<partition's suffix>`, the bucket at `http://<host>/<bucket>`
    /// of another server that speaks S3, or the folder at `file:///<folder>`.
    pub fn open(config: &StoreConfig) -> Result<Self> {
        let Some(url) = &config.blobs else { return Ok(Self::None) };
        if let Some(folder) = url.strip_prefix("file://") {
            let folder = LocalFileSystem::new_with_prefix(folder);
            let folder = folder.map_err(|error| Error::internal("opening the blob folder", error))?;
            // An object is on disk before its record refers to it.
            return Ok(Self::Folder(folder.with_fsync(true).into()));
        }
        Ok(Self::Bucket(open_bucket(url, &config.aws)?.into()))
    }

    pub async fn put(&self, name: &BlobRef, bytes: Bytes) -> Result<()> {
        match self {
            Self::Bucket(bucket) => put(&**bucket, name, bytes).await,
            Self::Folder(folder) => put(&**folder, name, bytes).await,
            Self::None => Err(closed()),
        }
    }

    /// `None` if the object has been deleted, which means that its record no longer refers to it.
    pub async fn find(&self, name: &BlobRef) -> Result<Option<Bytes>> {
        match self {
            Self::Bucket(bucket) => find(&**bucket, name).await,
            Self::Folder(folder) => find(&**folder, name).await,
            Self::None => Err(closed()),
        }
    }

    /// Succeeds if the object is already gone.
    pub async fn delete(&self, name: &BlobRef) -> Result<()> {
        match self {
            Self::Bucket(bucket) => delete(&**bucket, name).await,
            Self::Folder(folder) => delete(&**folder, name).await,
            Self::None => Err(closed()),
        }
    }
}

fn closed() -> Error {
    Error::bug("this function has no object storage")
}

async fn put(store: &impl ObjectStore, name: &BlobRef, bytes: Bytes) -> Result<()> {
    let path = Path::from(name.0.as_str());
    limited(store.put(&path, bytes.into())).await?.map(|_| ()).map_err(Error::unavailable)
}

async fn find(store: &impl ObjectStore, name: &BlobRef) -> Result<Option<Bytes>> {
    let path = Path::from(name.0.as_str());
    match limited(async { store.get(&path).await?.bytes().await }).await? {
        Ok(bytes) => Ok(Some(bytes)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(Error::unavailable(error)),
    }
}

async fn delete(store: &impl ObjectStore, name: &BlobRef) -> Result<()> {
    let path = Path::from(name.0.as_str());
    match limited(store.delete(&path)).await? {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(Error::unavailable(error)),
    }
}

async fn limited<T>(call: impl Future<Output = T>) -> Result<T> {
    timeout(within(CALL_TIMEOUT), call).await.map_err(Error::unavailable)
}
