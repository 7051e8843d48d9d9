//! Values too large for an item: immutable objects, named once and never rewritten.

use std::sync::Arc;

use bytes::Bytes;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use super::bucket::open_bucket;
use super::client::StoreConfig;
use crate::domain::kv::BlobRef;
use crate::domain::{Error, Result};

/// Object storage: a bucket on AWS, a folder locally.
#[derive(Clone)]
pub struct Blobs(Option<Arc<dyn ObjectStore>>);

impl Blobs {
    /// For a function that has no business here.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Opens `s3://<bucket>`, `http://<host>/<bucket>` of another engine that speaks S3, or `file:///<folder>`.
    pub fn open(config: &StoreConfig) -> Result<Self> {
        let Some(url) = &config.blobs else { return Ok(Self(None)) };
        let bucket = |url: String| open_bucket(url, &config.region, &config.credentials);
        let store: Arc<dyn ObjectStore> = if let Some(folder) = url.strip_prefix("file://") {
            let folder = LocalFileSystem::new_with_prefix(folder);
            Arc::new(folder.map_err(|error| Error::internal("opening the blob folder", error))?)
        } else if let Some(name) = url.strip_prefix("s3://") {
            Arc::new(bucket(format!("https://{name}.s3.{}.amazonaws.com", config.region))?)
        } else {
            Arc::new(bucket(url.clone())?)
        };
        Ok(Self(Some(store)))
    }

    /// Stores a new object.
    pub async fn put(&self, name: &BlobRef, bytes: Bytes) -> Result<()> {
        self.store()?.put(&Path::from(name.0.as_str()), bytes.into()).await.map_err(Error::unavailable)?;
        Ok(())
    }

    /// Reads an object; `None` when it is gone, which means that its record has moved on.
    pub async fn find(&self, name: &BlobRef) -> Result<Option<Bytes>> {
        match self.store()?.get(&Path::from(name.0.as_str())).await {
            Ok(object) => object.bytes().await.map(Some).map_err(Error::unavailable),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(Error::unavailable(error)),
        }
    }

    /// Removes an object; one that is gone already is fine.
    pub async fn delete(&self, name: &BlobRef) -> Result<()> {
        match self.store()?.delete(&Path::from(name.0.as_str())).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(Error::unavailable(error)),
        }
    }

    fn store(&self) -> Result<&Arc<dyn ObjectStore>> {
        self.0.as_ref().ok_or(Error::corrupt("this function keeps no values"))
    }
}
