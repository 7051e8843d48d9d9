//! Administrators, API keys, the signing key, and the errors of data folders.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::program::{Place, Said, Served, admin, run};

/// One object for each line.
fn objects(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_key_of_a_new_folder_opens_the_administrators_routes() {
    let place = Place::new("first");
    let data = place.join("data");
    let said = admin(&data, &["create-administrator", "--name", "ops"]);
    assert!(said.err.contains("is not printed again"), "{said:?}");
    let key = said.ok();
    let key = key.trim_end();
    assert!(!key.contains('\n'));
    let mode = fs::metadata(&data).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);

    let served = Served::start(&data);
    let client = served.client(key).await;
    let (status, trail) = client.call(Method::GET, "/api/v1/admin/audit", None).await;
    assert_eq!(status, StatusCode::OK);
    let entries = trail["results"].as_array().unwrap();
    let of_command = entries
        .iter()
        .filter(|entry| entry["user_agent"].as_str().is_some_and(|agent| agent.starts_with("terrapi admin")));
    let mut actions: Vec<&str> = of_command.map(|entry| entry["action"].as_str().unwrap()).collect();
    actions.sort_unstable();
    assert_eq!(actions, ["key_created", "permission_changed"]);

    let (_, me) = client.call(Method::GET, "/api/v1/whoami", None).await;
    let more = ["create-administrator", "--name", "ops", "--vcs", "gitlab", "--json"];
    let other = &objects(&admin(&data, &more).ok())[0];
    assert_ne!(other["user_id"], me["id"], "each administrator is another user");
    let client = served.client(other["key"].as_str().unwrap()).await;
    assert_eq!(client.call(Method::GET, "/api/v1/admin/audit", None).await.0, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn administrator_can_be_created_while_the_service_starts() {
    let place = Place::new("starts");
    let data = place.join("data");
    let (served, said) = std::thread::scope(|scope| {
        let served = scope.spawn(|| Served::start(&data));
        // The lock exists a moment before the tables.
        while !data.join("lock").exists() {
            std::thread::yield_now();
        }
        let said = admin(&data, &["create-administrator", "--name", "early"]);
        (served.join().unwrap(), said)
    });
    served.client(said.ok().trim_end()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revoked_key_and_its_descendants_are_refused_at_once() {
    let place = Place::new("revoked");
    let data = place.join("data");
    let created = &objects(&admin(&data, &["create-administrator", "--name", "a\nb", "--json"]).ok())[0];
    let (key, id) = (created["key"].as_str().unwrap(), created["key_id"].as_str().unwrap());
    let served = Served::start(&data);
    let client = served.client(key).await;
    let body = json!({"name": "child", "capabilities": ["access_token_create"]});
    let (_, child) = client.call(Method::POST, "/api/v1/github/access-token", Some(&body)).await;
    let child_key = child["refresh_token"].as_str().unwrap();
    let grandchild = served.client(child_key).await;
    let (_, grandchild) = grandchild.call(Method::POST, "/api/v1/github/access-token", Some(&body)).await;

    let listed =
        objects(&admin(&data, &["keys", "list", "--user", created["user_id"].as_str().unwrap(), "--json"]).ok());
    let find = |id: &Value| listed.iter().find(|key| key["id"] == *id).unwrap();
    assert_eq!(listed.len(), 3, "{listed:?}");
    assert_eq!(find(&created["key_id"])["administration"], true);
    assert!(find(&created["key_id"])["last_used_at"].is_string());
    assert_eq!(find(&child["id"])["created_by_key"], created["key_id"]);
    assert_eq!(find(&grandchild["id"])["last_used_at"], Value::Null);
    let lines = admin(&data, &["keys", "list"]).ok();
    let line = lines.lines().find(|line| line.starts_with(id)).unwrap();
    assert!(line.ends_with("\tadministration\ta\\nb"), "a name cannot look like another line: {line}");

    admin(&data, &["keys", "revoke", id]).ok();
    for key in [key, child_key, grandchild["refresh_token"].as_str().unwrap()] {
        assert_eq!(served.exchange(key).await, StatusCode::FORBIDDEN);
    }
    assert_eq!(admin(&data, &["keys", "list"]).ok().lines().count(), 1, "the key of --dev is left");
    let trail = served.client(&served.api_key).await;
    let (_, trail) = trail.call(Method::GET, &format!("/api/v1/github/access-token/{id}/audit"), None).await;
    assert!(trail["results"].is_null(), "the key is gone, and belonged to another user: {trail}");
    let unknown = admin(&data, &["keys", "revoke", id]).refusal();
    assert_eq!(unknown, format!("terrapi: there is no API key {id}"));
}

#[test]
fn signing_key_rotates_once_within_its_head_start() {
    let place = Place::new("rotate");
    let data = place.join("data");
    admin(&data, &["create-administrator", "--name", "ops"]).ok();
    let before = fs::read_to_string(data.join("signing-keys.json")).unwrap();
    admin(&data, &["rotate-signing-key"]).ok();
    let after = fs::read_to_string(data.join("signing-keys.json")).unwrap();
    assert_ne!(before, after);
    let again = admin(&data, &["rotate-signing-key"]).refusal();
    assert_eq!(again, "terrapi: the key of the last rotation does not sign yet");
    assert_eq!(fs::read_to_string(data.join("signing-keys.json")).unwrap(), after);
}

#[test]
fn folder_of_a_newer_version_is_refused_with_one_line() {
    let place = Place::new("newer");
    let data = place.join("data");
    admin(&data, &["create-administrator", "--name", "ops"]).ok();
    fs::write(data.join("version"), "7\n").unwrap();
    for refused in [
        run(&data, &["serve"]),
        admin(&data, &["keys", "list"]),
        admin(&data, &["check"]),
        admin(&data, &["create-administrator", "--name", "two"]),
        admin(&place.join("restored"), &["restore", data.to_str().unwrap()]),
    ] {
        let line = refused.refusal();
        assert!(line.contains("was written by a newer version of terrapi (its format is 7"), "{line}");
    }
    assert!(!place.join("restored").exists());
}

#[test]
fn missing_folder_is_not_created_by_commands_that_need_data() {
    let place = Place::new("missing");
    let data = place.join("data");
    for arguments in [&["keys", "list"][..], &["check"], &["rotate-signing-key"], &["backup", "b"]] {
        let line = admin(&data, arguments).refusal();
        assert!(line.contains("has no data"), "{line}");
    }
    assert!(!data.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn served_folder_is_neither_served_again_nor_replaced() {
    let place = Place::new("served");
    let data = place.join("data");
    let _served = Served::start(&data);
    let again = run(&data, &["serve", "--listen", "127.0.0.1:0"]).refusal();
    assert!(again.contains("is in use by another process"), "{again}");
    let import = admin(&place.join("copy"), &["import", data.to_str().unwrap()]).refusal();
    assert!(import.contains("is in use by another process"), "{import}");
    let restore = admin(&data, &["restore", data.to_str().unwrap()]).refusal();
    assert!(restore.contains("is not empty"), "{restore}");
}

#[test]
fn read_only_folder_is_refused_with_one_line() {
    let place = Place::new("read-only");
    let data = place.join("data");
    admin(&data, &["create-administrator", "--name", "ops"]).ok();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o500)).unwrap();
    let writable = fs::write(data.join("probe"), "").is_ok();
    // Root may write anywhere, and so the service would start.
    let said = (!writable).then(|| run(&data, &["serve", "--listen", "127.0.0.1:0"]));
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    let Some(line) = said.map(Said::refusal) else { return };
    assert!(line.contains("is not usable") || line.contains("readonly"), "{line}");
}
