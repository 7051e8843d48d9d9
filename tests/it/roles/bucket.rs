//! Values in a bucket, with the permissions that the functions have there.

use std::collections::HashMap;

use http::Method;
use serde_json::{Value, json};
use terrapi::http::service;
use terrapi::runtime::App;
use terrapi::store::{Store, StoreConfig};

use crate::support::World;
use crate::support::bucket::Bucket;
use crate::support::routes::Gateway;
use crate::support::world::{KV, request, send_to};

fn store(world: &World, bucket: &Bucket, function: &str) -> Store {
    Store::new(&StoreConfig { blobs: Some(bucket.url().into()), ..world.store_config(function) }).unwrap()
}

fn kv_store(world: &World, bucket: &Bucket) -> Gateway {
    let app = App { store: store(world, bucket, "kv-store"), ..world.app.clone() };
    Gateway::new(HashMap::from([("kv-store".to_owned(), service(kv_store::routes(), app))]))
}

fn large(bytes: usize) -> Value {
    json!({"data": "x".repeat(bytes)})
}

#[tokio::test]
async fn read_overtaken_by_an_overwrite_returns_the_new_value() {
    let (world, bucket) = (World::new().await, Bucket::start().await);
    let (function, token, path) = (kv_store(&world, &bucket), world.kv_token(), format!("{KV}/key/k"));
    let put = |size| send_to(&function, request(Method::PUT, &path, &token, Some(large(size))));
    put(20_000).await.ok();
    world.clock.advance_ms(1);
    let gate = world.faulty.on("GetItem").table(&world.backend.tables.kv).nth(1).hold_after_store();
    let overtaking = async {
        gate.arrived(1).await;
        let old = bucket.names();
        put(30_000).await.ok();
        // The worker does this when the stream shows that the record no longer names the object.
        store(&world, &bucket, "worker").delete_value(&old[0]).await.unwrap();
        gate.release();
    };
    let (read, ()) = futures::join!(send_to(&function, request(Method::GET, &path, &token, None)), overtaking);
    assert_eq!(read.ok()["size"], 30_002);
    assert_eq!(bucket.names().len(), 1);
}
