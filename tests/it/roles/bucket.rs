//! Values in a bucket, with the permissions that the functions have there.

use std::collections::HashMap;

use http::Method;
use serde_json::{Value, json};
use terrapi::http::lambda_service;
use terrapi::runtime::App;
use terrapi::store::{Store, StoreConfig};

use crate::support::TestService;
use crate::support::bucket::Bucket;
use crate::support::routes::Gateway;
use crate::support::service::{KV, request, send_to};

fn store(service: &TestService, bucket: &Bucket, function: &str) -> Store {
    Store::new(&StoreConfig { blobs: Some(bucket.url().into()), ..service.store_config(function) }).unwrap()
}

fn kv_store(service: &TestService, bucket: &Bucket) -> Gateway {
    let app = App { store: store(service, bucket, "kv-store"), ..service.app.clone() };
    Gateway::new(HashMap::from([("kv-store".to_owned(), lambda_service(kv_store::routes(), app))]))
}

fn large(bytes: usize) -> Value {
    json!({"data": "x".repeat(bytes)})
}

/// Reads a value whose object is replaced, and removed, between the reads of its record and of the object: how many bytes
/// the answer counts.
pub async fn overtaken_read(service: &TestService, bucket: &Bucket) -> Value {
    let (function, token, path) = (kv_store(service, bucket), service.kv_token(), format!("{KV}/key/k"));
    let put = |size| send_to(&function, request(Method::PUT, &path, &token, Some(large(size))));
    put(20_000).await.ok();
    service.clock.advance_ms(1);
    let gate = service.faulty.on("GetItem").table(&service.backend.tables.kv).nth(1).hold_after_store();
    let overtaking = async {
        gate.arrived(1).await;
        let old = bucket.names();
        put(30_000).await.ok();
        // The worker does this when the stream shows that the record no longer names the object.
        store(service, bucket, "worker").delete_value(&old[0]).await.unwrap();
        gate.release();
    };
    let (read, ()) = futures::join!(send_to(&function, request(Method::GET, &path, &token, None)), overtaking);
    read.ok()["size"].clone()
}

#[tokio::test]
async fn read_overtaken_by_an_overwrite_returns_the_new_value() {
    let (service, bucket) = (TestService::new().await, Bucket::start().await);
    assert_eq!(overtaken_read(&service, &bucket).await, 30_002);
    assert_eq!(bucket.names().len(), 1);
}
