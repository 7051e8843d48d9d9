//! Backups of a folder that is in use, and what a folder made from one contains.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use serde_json::{Value, json};
use terrapi_local::EmbeddedEngine;
use terrapi_local::delivery_lock::NoDeliveries;

use super::program::{Client, KV, Place, Served, admin, run};

/// More than a value that is stored in the item.
const LARGE: usize = 150_000;
/// How many records the load overwrites again and again.
const RECORDS: usize = 12;
const WRITERS: usize = 4;
/// How long the worker may take to process a change.
const PROCESSED: Duration = Duration::from_secs(20);

/// A value that names its own number. Every other one becomes an object.
fn value(number: usize) -> Value {
    json!({"data": {"number": number, "filling": "x".repeat(if number.is_multiple_of(2) { LARGE } else { 10 })}})
}

/// Writes that go on until it is stopped, and the number of the last acknowledged write of each record.
struct Load {
    acknowledged: Arc<Mutex<BTreeMap<usize, usize>>>,
    stopped: Arc<AtomicBool>,
    writers: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(client: &Client) -> Self {
        let (acknowledged, stopped) = (Arc::<Mutex<BTreeMap<_, _>>>::default(), Arc::<AtomicBool>::default());
        let next = Arc::new(AtomicUsize::new(0));
        let writer = |writer: usize| {
            let (client, acknowledged, stopped) = (client.clone(), Arc::clone(&acknowledged), Arc::clone(&stopped));
            let next = Arc::clone(&next);
            tokio::spawn(async move {
                // Each record has one writer, so that its numbers only grow.
                for record in (writer..RECORDS).step_by(WRITERS).cycle() {
                    if stopped.load(Ordering::Relaxed) {
                        return;
                    }
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    client.put(&format!("record-{record}"), &value(number)).await;
                    acknowledged.lock().unwrap().insert(record, number);
                }
            })
        };
        let writers = (0..WRITERS).map(writer).collect();
        Self { acknowledged, stopped, writers }
    }

    /// What was acknowledged until now. Every record was written at least once.
    async fn acknowledged(&self) -> BTreeMap<usize, usize> {
        loop {
            let acknowledged = self.acknowledged.lock().unwrap().clone();
            if acknowledged.len() == RECORDS {
                return acknowledged;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn stop(self) {
        self.stopped.store(true, Ordering::Relaxed);
        for writer in self.writers {
            writer.await.unwrap();
        }
    }
}

fn objects(data: &Path) -> Vec<PathBuf> {
    let installation = data.join("blobs/github/12345");
    let Ok(entries) = fs::read_dir(installation) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().path()).collect()
}

async fn in_background(data: &Path, arguments: &[&str]) -> super::program::Said {
    let (data, arguments) = (data.to_owned(), arguments.iter().map(ToString::to_string).collect::<Vec<_>>());
    let command = move || admin(&data, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(command).await.unwrap()
}

fn assert_sound(data: &Path) {
    let said = admin(data, &["check"]);
    assert!(said.success && said.out.ends_with(" 0 problems\n") && !said.out.contains("warning"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backup_under_load_has_every_earlier_write() {
    let place = Place::new("load");
    let (data, backup, restored) = (place.join("data"), place.join("backup"), place.join("restored"));
    let served = Served::start(&data);
    let load = Load::start(&served.client(&served.api_key).await);
    load.acknowledged().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = load.acknowledged().await;
    let said = in_background(&data, &["backup", backup.to_str().unwrap()]).await.ok();
    let after = load.acknowledged().await;
    assert_eq!(said.trim_end(), backup.to_str().unwrap());
    assert!(in_background(&data, &["check"]).await.success, "the folder is checked while it is used");
    load.stop().await;
    assert!(after > before, "writes went on during the backup");

    for entry in fs::read_dir(&backup).unwrap() {
        let entry = entry.unwrap();
        let (mode, name) = (entry.metadata().unwrap().permissions().mode(), entry.file_name());
        assert_eq!(mode & 0o077, 0, "{name:?} is private");
        assert!(!name.to_str().unwrap().ends_with(".position"), "{name:?}");
    }
    assert_sound(&backup);
    let said = admin(&restored, &["restore", backup.to_str().unwrap()]);
    assert!(said.success && said.out.ends_with(" 0 problems\n"), "{said:?}");
    drop(served);
    fs::remove_dir_all(&data).unwrap();
    fs::remove_dir_all(&backup).unwrap();

    let served = Served::start(&restored);
    let client = served.client(&served.api_key).await;
    for (record, number) in before {
        let found = client.get(&format!("record-{record}")).await;
        let found_number = usize::try_from(found["number"].as_u64().unwrap()).unwrap();
        assert!(found_number >= number, "record {record}: {found_number} is older than {number}");
        assert_eq!(json!({ "data": found }), value(found_number));
    }
    client.put("record-0", &value(1)).await;
    let deadline = Instant::now() + PROCESSED;
    while objects(&restored).len() >= RECORDS {
        assert!(Instant::now() < deadline, "the worker deletes released objects");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    served.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restored_folder_delivers_what_the_worker_had_not_processed() {
    let place = Place::new("unprocessed");
    let (data, backup, restored) = (place.join("data"), place.join("backup"), place.join("restored"));
    let served = Served::start(&data);
    let client = served.client(&served.api_key).await;
    client.put("kept", &value(2)).await;
    client.put("replaced", &value(4)).await;
    let paused = NoDeliveries::wait(&data, PROCESSED).unwrap();
    client.put("replaced", &value(6)).await;
    client.put("draft", &json!({"data": "committed", "committed": false})).await;
    let commit = json!({"keys": [{"key": "draft"}]});
    let (status, answer) = client.call(Method::POST, &format!("{KV}/commit"), Some(&commit)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    // As if the machine had failed.
    drop(served);
    drop(paused);
    assert_eq!(unfolded(&data), 1);
    assert_eq!(objects(&data).len(), 3);

    admin(&data, &["backup", backup.to_str().unwrap()]).ok();
    assert_eq!(objects(&backup).len(), 2, "the object that no record names is not copied");
    admin(&restored, &["restore", backup.to_str().unwrap()]).ok();
    assert_eq!(unfolded(&restored), 1);
    let served = Served::start(&restored);
    let deadline = Instant::now() + PROCESSED;
    while unfolded(&restored) > 0 {
        assert!(Instant::now() < deadline, "the worker folds the commit");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let client = served.client(&served.api_key).await;
    assert_eq!(client.get("draft").await, "committed");
    for (key, number) in [("kept", 2), ("replaced", 6)] {
        assert_eq!(json!({"data": client.get(key).await}), value(number));
    }
    served.stop();
    assert_sound(&restored);
}

/// The number of commits that the worker has not folded.
fn unfolded(data: &Path) -> usize {
    let engine = EmbeddedEngine::open(data).unwrap();
    let query = json!({
        "TableName": "terrapi-kv", "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "github#12345#head"}},
    });
    let found = engine.database().query(serde_json::from_value(query).unwrap()).unwrap();
    let head = serde_json::to_value(found).unwrap();
    head.pointer("/Items/0/commits/M").and_then(Value::as_object).map_or(0, serde_json::Map::len)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imported_folder_has_the_same_data_and_keys() {
    let place = Place::new("import");
    let (data, copy) = (place.join("data"), place.join("copy"));
    let served = Served::start(&data);
    let api_key = served.api_key.clone();
    served.client(&api_key).await.put("large", &value(2)).await;
    served.stop();
    let said = admin(&copy, &["import", data.to_str().unwrap()]).ok();
    assert!(said.ends_with(" 0 problems\n"), "{said}");
    let served = Served::start(&copy);
    assert_eq!(json!({"data": served.client(&api_key).await.get("large").await}), value(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backup_that_cannot_be_made_leaves_nothing() {
    let place = Place::new("nothing");
    let (data, backup) = (place.join("data"), place.join("backup"));
    admin(&data, &["create-administrator", "--name", "ops"]).ok();
    fs::create_dir(&backup).unwrap();
    let line = admin(&data, &["backup", backup.to_str().unwrap()]).refusal();
    assert!(line.contains("exists; remove it, or choose another folder"), "{line}");
    fs::remove_dir(&backup).unwrap();
    fs::write(data.join("dynamodb.sqlite"), "no database").unwrap();
    let line = admin(&data, &["backup", backup.to_str().unwrap()]).refusal();
    assert!(line.contains("not a database"), "{line}");
    assert!(!backup.exists() && !place.join("backup.partial").exists());
}

#[test]
fn interrupted_restore_is_not_mistaken_for_data() {
    let place = Place::new("interrupted");
    let (data, backup, restored) = (place.join("data"), place.join("backup"), place.join("restored"));
    admin(&data, &["create-administrator", "--name", "ops"]).ok();
    admin(&data, &["backup", backup.to_str().unwrap()]).ok();
    fs::remove_file(backup.join("signing-keys.json")).unwrap();
    fs::create_dir(backup.join("signing-keys.json")).unwrap();
    assert!(!admin(&restored, &["restore", backup.to_str().unwrap()]).success);
    for refused in [run(&restored, &["serve"]), admin(&restored, &["keys", "list"])] {
        let line = refused.refusal();
        assert!(line.contains("is incomplete, because a restore was interrupted"), "{line}");
    }
}
