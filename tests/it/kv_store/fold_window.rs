//! The worker folds an acknowledged commit and takes it off the head while a request is under way. Whichever storage call
//! of the request that falls on, the request is answered by the committed record.

use std::pin::pin;
use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};
use terrapi::domain::Capability::{AccessTokenCreate, KvStoreRead, KvStoreWrite};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::support::service::{KV, request, send_to};
use crate::support::{Reply, TestService};

const CLIENTS: usize = 16;
const ROUNDS: usize = 10;

/// What a request asks for, by the record's key and the version of its staged write.
type Ask = fn(&str, &Value) -> (Method, String, Option<Value>);

/// Sends a request from a sandbox with empty caches and folds all commits while its storage call number `call` is held,
/// before or after the store executes it. `None` when the request makes fewer calls.
async fn fold_during(
    service: &TestService,
    token: &str,
    (method, path, body): (Method, String, Option<Value>),
    (call, after_store): (usize, bool),
) -> Option<Reply> {
    let rule = service.faulty.on("*").table(&service.backend.tables.kv).nth(call);
    let gate = if after_store { rule.hold_after_store() } else { rule.hold_before_store() };
    let sandbox = service.sandbox();
    let mut answer = pin!(send_to(&sandbox, request(method, &format!("{KV}/{path}"), token, body)));
    tokio::select! {
        _ = &mut answer => {
            service.faulty.heal();
            return None;
        }
        () = gate.arrived(1) => {}
    }
    service.fold().await;
    gate.release();
    let reply = answer.await;
    service.faulty.heal();
    Some(reply)
}

/// The storage calls of `ask`, one trial each: `prepare` leaves a fresh key with a commit that is not folded.
async fn at_every_call(
    service: &TestService,
    token: &str,
    name: &str,
    ask: Ask,
    prepare: impl AsyncFn(&str) -> Value,
    check: impl AsyncFn(&str, Reply),
) {
    for after_store in [false, true] {
        for call in 1.. {
            let key = format!("{name}-{after_store}-{call}");
            let version = prepare(&key).await;
            let Some(reply) = fold_during(service, token, ask(&key, &version), (call, after_store)).await else {
                assert!(call > 1, "{name} made no storage call");
                service.fold().await;
                break;
            };
            check(&key, reply).await;
            service.fold().await;
        }
    }
}

/// A record with a committed draft. The version of the staged write.
async fn committed(service: &TestService, token: &str, key: &str, old: Option<Value>, new: Value) -> Value {
    let path = format!("{KV}/key/{key}");
    if let Some(old) = old {
        service.put(&path, token, old).await.ok();
    }
    let staged = service.put(&path, token, new).await.ok();
    let commit = service.post(&format!("{KV}/commit"), token, json!({"keys": [{"key": key}]})).await.ok();
    assert_eq!(commit["keys"].as_array().unwrap().len(), 1);
    staged["version"].clone()
}

/// Closed to nobody with a token for the store, but a write without lists must not remove the lists.
fn guarded(data: &str, committed: bool) -> Value {
    json!({"data": data, "committed": committed, "read_caps": ["kv_store_read"], "write_caps": ["kv_store_write"]})
}

const READS: [(&str, Ask); 7] = [
    ("get", |key, _| (Method::GET, format!("key/{key}"), None)),
    ("get-latest", |key, _| (Method::GET, format!("key/{key}?committed=false"), None)),
    ("size-of-one", |key, _| (Method::GET, format!("size/key/{key}?idx=0"), None)),
    ("size", |key, _| (Method::GET, format!("size/key/{key}"), None)),
    ("count", |key, _| (Method::GET, format!("count/key/{key}"), None)),
    ("iter", |key, _| (Method::GET, format!("iter/{key}?prefix=true"), None)),
    ("iter-latest", |key, _| (Method::GET, format!("iter/{key}?prefix=true&committed=false"), None)),
];

#[tokio::test]
async fn read_sees_a_commit_folded_between_its_calls() {
    let service = TestService::new().await;
    let token = service.kv_token();
    for (name, ask) in READS {
        for old in [None, Some(json!({"data": "old value"}))] {
            let named = format!("{name}-{}", old.is_some());
            let prepare = async |key: &str| committed(&service, &token, key, old.clone(), guarded("new", false)).await;
            let check = async |key: &str, reply: Reply| {
                // Once everything is folded the answer is known to be right.
                let (method, path, _) = ask(key, &Value::Null);
                let settled = service.call(method, &format!("{KV}/{path}"), &token, None).await.ok();
                assert!(reply.status == 200 && reply.json() == settled, "{key}: {reply:?}, not {settled}");
                if name.contains("get") {
                    assert_eq!((&settled["data"], &settled["committed"]), (&json!("new"), &json!(true)));
                }
            };
            at_every_call(&service, &token, &named, ask, prepare, check).await;
        }
    }
}

const COMMITTED_WRITES: [(&str, Ask); 2] = [
    ("set", |key, _| (Method::PUT, format!("key/{key}"), Some(json!({"data": "newer"})))),
    ("cas", |key, version| (Method::PUT, format!("cas/key/{key}"), Some(json!({"data": "newer", "version": version})))),
];
const STAGED_WRITES: [(&str, Ask); 2] = [
    ("stage", |key, _| (Method::PUT, format!("key/{key}"), Some(json!({"data": "newer", "committed": false})))),
    ("stage-cas", |key, version| {
        let body = json!({"data": "newer", "committed": false, "version": version});
        (Method::PUT, format!("cas/key/{key}"), Some(body))
    }),
];
const DELETIONS: [(&str, Ask); 3] = [
    ("delete", |key, _| (Method::DELETE, format!("key/{key}?idx=0"), None)),
    ("delete-version", |key, version| (Method::DELETE, format!("key/{key}?idx=0&version={version}"), None)),
    ("delete-all", |key, _| (Method::DELETE, format!("key/{key}"), None)),
];

/// What a default read and a read of staged values see now, and once more after everything is folded.
async fn assert_reads(service: &TestService, token: &str, key: &str, live: Option<&str>, latest: Option<&str>) {
    for folded in [false, true] {
        if folded {
            service.fold().await;
        }
        for (query, expected) in [("", live), ("?committed=false", latest)] {
            let reply = service.get(&format!("{KV}/key/{key}{query}"), token).await;
            let Some(expected) = expected else {
                assert_eq!(reply.failed(404), "NOT_FOUND", "{key}{query}, folded: {folded}");
                continue;
            };
            let record = reply.ok();
            assert_eq!(record["data"], expected, "{key}{query}, folded: {folded}");
            assert_eq!(record["read_caps"], json!(["kv_store_read"]), "{key}{query}: a write without lists keeps them");
            assert_eq!(
                record["write_caps"],
                json!(["kv_store_write"]),
                "{key}{query}: a write without lists keeps them"
            );
        }
    }
}

#[tokio::test]
async fn write_is_judged_by_a_commit_folded_between_its_calls() {
    let service = TestService::new().await;
    let token = service.kv_token();
    for old in [None, Some(json!({"data": "old"}))] {
        let prepare = async |key: &str| committed(&service, &token, key, old.clone(), guarded("new", false)).await;
        for (name, ask) in COMMITTED_WRITES {
            let check = async |key: &str, reply: Reply| {
                assert_eq!(reply.ok()["write_caps"], json!(["kv_store_write"]), "{key}");
                assert_reads(&service, &token, key, Some("newer"), Some("newer")).await;
            };
            at_every_call(&service, &token, &format!("{name}-{}", old.is_some()), ask, prepare, check).await;
        }
        for (name, ask) in STAGED_WRITES {
            let check = async |key: &str, reply: Reply| {
                assert_eq!(reply.ok()["write_caps"], json!(["kv_store_write"]), "{key}");
                assert_reads(&service, &token, key, Some("new"), Some("newer")).await;
            };
            at_every_call(&service, &token, &format!("{name}-{}", old.is_some()), ask, prepare, check).await;
        }
        for (name, ask) in DELETIONS {
            let check = async |key: &str, reply: Reply| {
                assert_eq!(reply.ok()["result"], true, "{key}");
                assert_reads(&service, &token, key, None, None).await;
            };
            at_every_call(&service, &token, &format!("{name}-{}", old.is_some()), ask, prepare, check).await;
        }
    }
}

const INSERT: Ask = |key, _| (Method::PUT, format!("cas/key/{key}"), Some(json!({"data": "newer"})));
const COMMIT: Ask = |key, _| (Method::POST, "commit".into(), Some(json!({"keys": [{"key": key}]})));
const STRICT_COMMIT: Ask =
    |key, _| (Method::POST, "commit".into(), Some(json!({"keys": [{"key": key}], "strict": true})));

#[tokio::test]
async fn insert_or_commit_finds_a_commit_folded_between_its_calls() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let prepare = async |key: &str| committed(&service, &token, key, None, guarded("new", false)).await;
    let refused = async |key: &str, reply: Reply| {
        assert_eq!(reply.failed(400), "VERSION_MISMATCH", "{key}");
        assert_reads(&service, &token, key, Some("new"), Some("new")).await;
    };
    at_every_call(&service, &token, "insert", INSERT, prepare, refused).await;
    let empty = async |key: &str, reply: Reply| {
        assert_eq!(reply.ok(), json!({"keys": []}), "{key} was published before");
        assert_reads(&service, &token, key, Some("new"), Some("new")).await;
    };
    at_every_call(&service, &token, "commit", COMMIT, prepare, empty).await;
    at_every_call(&service, &token, "strict-commit", STRICT_COMMIT, prepare, empty).await;
}

/// The live side's write list decides until a commit replaces it, and never afterwards.
#[tokio::test]
async fn write_caps_follow_a_commit_folded_between_the_calls() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let owner = service.token(&[KvStoreRead, KvStoreWrite, AccessTokenCreate]);
    let closed = || json!(["access_token_create"]);
    let writes: Vec<(&str, Ask)> = [&COMMITTED_WRITES[..], &STAGED_WRITES, &DELETIONS].concat();
    for (name, ask) in writes {
        let opened = async |key: &str| {
            let old = json!({"data": "old", "write_caps": closed()});
            let new = json!({"data": "new", "committed": false, "write_caps": null});
            committed(&service, &owner, key, Some(old), new).await
        };
        let accepted = async |key: &str, reply: Reply| assert_eq!(reply.status, 200, "{key}: {reply:?}");
        at_every_call(&service, &token, &format!("{name}-opened"), ask, opened, accepted).await;
        let shut = async |key: &str| {
            let new = json!({"data": "new", "committed": false, "write_caps": closed()});
            committed(&service, &owner, key, Some(json!({"data": "old"})), new).await
        };
        let refused = async |key: &str, reply: Reply| {
            assert_eq!(reply.failed(403), "RECORD_FORBIDDEN", "{key}");
            assert_eq!(service.get(&format!("{KV}/key/{key}"), &token).await.ok()["data"], "new", "{key}");
        };
        at_every_call(&service, &token, &format!("{name}-shut"), ask, shut, refused).await;
    }
}

/// As clients do it: stage, commit, read, on keys of their own in one installation, while the worker folds each commit as soon
/// as it is acknowledged. Each client is a task: in one task with fifteen others it would be slowed down by all of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_clients_read_their_commits_while_the_worker_folds() {
    let service = Arc::new(TestService::new().await);
    let (acknowledged, mut commits) = mpsc::unbounded_channel();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (service, acknowledged, token) = (Arc::clone(&service), acknowledged.clone(), service.kv_token());
        clients.spawn(async move {
            let (key, commit) = (format!("{KV}/key/client-{client}"), format!("{KV}/commit"));
            let listed = json!({"keys": [{"key": format!("client-{client}"), "idx": 0}]});
            for round in 0..ROUNDS {
                service.put(&key, &token, json!({"data": round, "committed": false})).await.ok();
                assert_eq!(service.post(&commit, &token, listed.clone()).await.ok(), listed, "round {round}");
                acknowledged.send(()).unwrap();
                assert_eq!(service.get(&key, &token).await.ok()["data"], round, "{key}");
            }
        });
    }
    drop(acknowledged);
    let mut folded = 0;
    while commits.recv().await.is_some() {
        folded += service.fold().await;
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    assert_eq!(folded, CLIENTS * ROUNDS, "each commit was folded once");
    service.assert_kv_settled().await;
}
