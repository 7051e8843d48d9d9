//! `terrapi admin check` on sound and on damaged data.

use std::fs;
use std::path::{Path, PathBuf};

use http::{Method, StatusCode};
use serde_json::{Value, json};
use terrapi_local::EmbeddedEngine;

use super::program::{Client, KV, Place, Said, Served, admin};

const IDENTITY: &str = "terrapi-identity";
const RECORDS: &str = "terrapi-kv";
const OPERATIONS: &str = "terrapi-operations";

/// A folder with every kind of data that needs no provider.
async fn with_data(place: &Place) -> PathBuf {
    let data = place.join("data");
    let served = Served::start(&data);
    let client = served.client(&served.api_key).await;
    client.put("inline", &json!({"data": "small"})).await;
    client.put("large", &json!({"data": "x".repeat(100_000)})).await;
    client.put("draft", &json!({"data": "y".repeat(100_000), "committed": false})).await;
    commit(&client).await;
    served.stop();
    data
}

async fn commit(client: &Client) {
    client.put("committed", &json!({"data": 1, "committed": false})).await;
    let body = json!({"keys": [{"key": "committed"}]});
    assert_eq!(client.call(Method::POST, &format!("{KV}/commit"), Some(&body)).await.0, StatusCode::OK);
}

/// The database of a folder, to damage it.
struct Database(EmbeddedEngine);

impl Database {
    fn open(data: &Path) -> Self {
        Self(EmbeddedEngine::open(data).unwrap())
    }

    fn items(&self, table: &str) -> Vec<Value> {
        let scan = serde_json::from_value(json!({ "TableName": table })).unwrap();
        let found = serde_json::to_value(self.0.database().scan(scan).unwrap()).unwrap();
        found["Items"].as_array().unwrap().clone()
    }

    fn find(&self, table: &str, entity: &str) -> Value {
        let items = self.items(table);
        items.into_iter().find(|item| item["entity"]["S"] == entity).unwrap_or_else(|| panic!("no {entity}"))
    }

    fn delete(&self, table: &str, item: &Value) {
        let request = json!({"TableName": table, "Key": {"pk": item["pk"], "sk": item["sk"]}});
        self.0.database().delete_item(serde_json::from_value(request).unwrap()).unwrap();
    }

    fn put(&self, table: &str, item: &Value) {
        let request = json!({"TableName": table, "Item": item});
        self.0.database().put_item(serde_json::from_value(request).unwrap()).unwrap();
    }
}

/// Copies a folder that nobody uses.
fn copy(data: &Path, copy: &Path) {
    let _ = fs::remove_dir_all(copy);
    let installation = "blobs/github/12345";
    fs::create_dir_all(copy.join(installation)).unwrap();
    for file in ["dynamodb.sqlite", "signing-keys.json", "providers.json"] {
        fs::copy(data.join(file), copy.join(file)).unwrap();
    }
    for object in fs::read_dir(data.join(installation)).unwrap() {
        let object = object.unwrap();
        fs::copy(object.path(), copy.join(installation).join(object.file_name())).unwrap();
    }
}

fn check(data: &Path) -> Said {
    admin(data, &["check"])
}

fn assert_reported(said: &Said, expected: &str) {
    assert!(!said.success, "{said:?}");
    assert!(
        said.out.lines().any(|line| line.starts_with("problem: ") && line.contains(expected)),
        "{expected}: {said:?}"
    );
    let last = said.out.lines().last().unwrap();
    assert!(last.contains(" items checked, ") && !last.ends_with(" 0 problems"), "{last}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_item_is_reported_by_those_that_refer_to_it() {
    let place = Place::new("missing-item");
    let (data, damaged) = (with_data(&place).await, place.join("damaged"));
    let sound = check(&data);
    assert!(sound.success && sound.out.ends_with(" 0 problems\n"), "{sound:?}");
    for (table, entity, expected) in [
        (IDENTITY, "user", "its user is missing"),
        (IDENTITY, "identity", "has no identity"),
        (IDENTITY, "identity-pointer", "the provider's number does not lead to its user"),
        (IDENTITY, "api-key", "its API key is missing"),
        (IDENTITY, "api-key-place", "its entry in the listing is missing or different"),
        (IDENTITY, "organization-name", "its name is not reserved for it"),
        (IDENTITY, "organization", "its organization is missing or has another name"),
        (IDENTITY, "team", "belongs to no team or token"),
        (IDENTITY, "team-name", "is missing"),
        (IDENTITY, "team-membership", "does not know the team"),
        (IDENTITY, "team-token", "its token is missing"),
    ] {
        copy(&data, &damaged);
        let database = Database::open(&damaged);
        database.delete(table, &database.find(table, entity));
        drop(database);
        assert_reported(&check(&damaged), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_item_is_reported() {
    let place = Place::new("damaged-item");
    let (data, damaged) = (with_data(&place).await, place.join("damaged"));
    let part = json!({
        "pk": {"S": format!("github#12345#commit#{}", "0".repeat(32))}, "sk": {"B": "AAAAAA=="},
        "entity": {"S": "commit-part"}, "parts": {"N": "1"}, "entries": {"B": "AAAA"},
    });
    let task = json!({
        "pk": {"S": "task#00000000-0000-4000-8000-000000000009"}, "sk": {"S": "task"}, "entity": {"S": "task"},
        "owners": {"SS": ["00000000-0000-4000-8000-000000000001"]}, "vcs": {"S": "github"},
        "installation": {"S": "\"12345\""}, "work": {"S": "{\"refresh_repositories\":{\"generation\":1}}"},
        "state": {"S": "\"pending\""}, "progress": {"N": "0"}, "created_at": {"N": "1"}, "updated_at": {"N": "1"},
    });
    let added: [(&str, Value, &str); 4] = [
        (IDENTITY, json!({"pk": {"S": "a"}, "sk": {"S": "b"}, "entity": {"S": "ghost"}}), "not one of this table"),
        (IDENTITY, json!({"pk": {"S": "a"}, "sk": {"S": "b"}}), "it has no entity"),
        (RECORDS, part, "its entries cannot be read"),
        (OPERATIONS, task, "task"),
    ];
    for (table, item, expected) in added {
        copy(&data, &damaged);
        Database::open(&damaged).put(table, &item);
        assert_reported(&check(&damaged), expected);
    }
    let changed: [(&str, &str, &str, Value, &str); 6] = [
        (IDENTITY, "api-key", "secret_hash", json!({"B": "AAAA"}), "it cannot be read"),
        (IDENTITY, "api-key", "name", json!({"S": "another"}), "its key does not agree"),
        (IDENTITY, "membership", "by_installation", json!({"S": "member#github#1"}), "under another installation"),
        (IDENTITY, "team-token", "creator_kind", json!({"S": "nobody"}), "it cannot be read"),
        (OPERATIONS, "installation", "tier", json!({"S": "{"}), "it cannot be read"),
        (RECORDS, "commit-head", "commits", json!({"M": {"0".repeat(32): {"N": "1"}}}), "are missing"),
    ];
    for (table, entity, attribute, value, expected) in changed {
        copy(&data, &damaged);
        let database = Database::open(&damaged);
        let mut item = database.find(table, entity);
        item[attribute] = value;
        database.put(table, &item);
        drop(database);
        assert_reported(&check(&damaged), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_objects_are_problems_and_unnamed_ones_warnings() {
    let place = Place::new("objects");
    let data = with_data(&place).await;
    let folder = data.join("blobs/github/12345");
    let mut objects: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    objects.sort();
    assert_eq!(objects.len(), 2);
    fs::write(folder.join("0".repeat(32)), "x").unwrap();
    let said = check(&data);
    assert!(said.success, "{said:?}");
    assert!(said.out.contains("warning: object github/12345/00000000000000000000000000000000: no record names it"));

    fs::write(&objects[0], "x").unwrap();
    fs::remove_file(&objects[1]).unwrap();
    let said = check(&data);
    assert_reported(&said, "has 1 bytes instead of 100002");
    assert_reported(&said, "cannot be read: No such file");
    assert!(said.out.ends_with(" 2 problems\n"), "{said:?}");
    let backup = admin(&data, &["backup", place.join("backup").to_str().unwrap()]);
    assert!(!backup.success && backup.err.contains("1 objects are missing"), "{backup:?}");
    assert!(place.join("backup/version").exists(), "the rest is saved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_database_file_is_reported() {
    let place = Place::new("file");
    let (data, damaged) = (with_data(&place).await, place.join("damaged"));
    copy(&data, &damaged);
    let file = damaged.join("dynamodb.sqlite");
    let mut bytes = fs::read(&file).unwrap();
    let pages = bytes.len() / 4096;
    for page in pages / 2..pages {
        bytes[page * 4096..page * 4096 + 100].fill(0xa5);
    }
    fs::write(&file, bytes).unwrap();
    let said = check(&damaged);
    assert!(!said.success, "{said:?}");
    assert!(
        said.out.contains("problem: the database: ") || said.err.starts_with("terrapi: the embedded database: "),
        "{said:?}"
    );
}
