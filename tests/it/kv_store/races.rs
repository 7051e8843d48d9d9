//! Concurrent requests. Each test proves that its requests really overlapped.

use std::cell::Cell;

use futures::future::join_all;
use futures::stream::{self, StreamExt};
use serde_json::json;

use crate::support::TestService;
use crate::support::service::KV;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_sixteen_insert_only_writers_wins() {
    let service = TestService::new().await;
    let token = service.kv_token();
    service.get(&format!("{KV}/key/k"), &token).await;
    let gate = service.faulty.on("UpdateItem").first(16).hold_before_store();
    let writers = (0..16).map(|number| {
        let (service, token) = (&service, &token);
        async move { service.put(&format!("{KV}/cas/key/k"), token, json!({"data": number})).await }
    });
    let release = async {
        gate.arrived(16).await;
        gate.release();
    };
    let (replies, ()) = futures::join!(join_all(writers), release);
    let won: Vec<usize> = (0..16).filter(|number| replies[*number].status == 200).collect();
    assert_eq!(won.len(), 1);
    assert!(replies.iter().filter(|reply| reply.status != 200).all(|reply| reply.failed(400) == "VERSION_MISMATCH"));
    assert_eq!(service.get(&format!("{KV}/key/k"), &token).await.ok()["data"], won[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_two_cas_writers_lose_no_update() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let path = format!("{KV}/cas/key/list");
    service.put(&path, &token, json!({"data": []})).await.ok();
    let gate = service.faulty.on("UpdateItem").first(32).hold_before_store();
    let writers = (0..32).map(|number| {
        let (service, token, path) = (&service, &token, &path);
        async move {
            let mut refusals = 0;
            loop {
                let read = service.get(&format!("{KV}/key/list"), token).await.ok();
                let mut list = read["data"].as_array().unwrap().clone();
                list.push(json!(number));
                let reply = service.put(path, token, json!({"data": list, "version": read["version"]})).await;
                if reply.status == 200 {
                    return refusals;
                }
                assert_eq!(reply.failed(400), "VERSION_MISMATCH");
                refusals += 1;
            }
        }
    });
    let release = async {
        gate.arrived(32).await;
        gate.release();
    };
    let (refusals, ()) = futures::join!(join_all(writers), release);
    assert!(refusals.iter().sum::<usize>() >= 31, "all overlapped, so all but one conflicted with another write");
    let mut list: Vec<i64> =
        serde_json::from_value(service.get(&format!("{KV}/key/list"), &token).await.ok()["data"].clone()).unwrap();
    list.sort_unstable();
    assert_eq!(list, (0..32).collect::<Vec<_>>());
}

/// Commits the staged values while a reader reads continuously, from before the commit's first call until after its
/// last. The sum of the sizes in one answer must be `before` or `after`; any other sum means a partially visible
/// commit.
async fn never_seen_in_part(service: &TestService, token: &str, count: usize, before: usize, after: usize) {
    let done = Cell::new(false);
    let commit = async {
        let reply = service.post(&format!("{KV}/commit"), token, json!({"keys": [{"key": "big"}]})).await;
        assert_eq!(reply.ok()["keys"].as_array().unwrap().len(), count);
        done.set(true);
    };
    let read = async {
        while !done.get() {
            let size = total_size(service, token).await;
            assert!(size == before || size == after, "{size}, neither {before} nor {after}");
        }
    };
    futures::join!(read, commit);
    assert_eq!(total_size(service, token).await, after);
}

async fn total_size(service: &TestService, token: &str) -> usize {
    let reply = service.get(&format!("{KV}/size/key/big"), token).await;
    if reply.status == 404 { 0 } else { usize::try_from(reply.ok()["size"].as_u64().unwrap()).unwrap() }
}

async fn stage(service: &TestService, token: &str, count: usize, text: &str) {
    let writes = stream::iter(0..count).map(|idx| async move {
        let body = json!({"data": text, "idx": idx, "committed": false});
        service.put(&format!("{KV}/key/big"), token, body).await.ok();
    });
    writes.buffer_unordered(32).collect::<Vec<()>>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commit_of_500_records_is_never_seen_in_part() {
    let service = TestService::new().await;
    let token = service.kv_token();
    stage(&service, &token, 500, "old").await;
    service.post(&format!("{KV}/commit"), &token, json!({"keys": [{"key": "big"}]})).await.ok();
    service.fold().await;
    stage(&service, &token, 500, "longer").await;
    let (before, after) = (500 * 5, 500 * 8);
    // First all entries are listed and none published, then published and half folded, then all folded.
    let publishing = service.faulty.on("UpdateItem").nth(1).hold_before_store();
    let folding = service.faulty.on("UpdateItem").nth(250).hold_before_store();
    let commit = async {
        service.post(&format!("{KV}/commit"), &token, json!({"keys": [{"key": "big"}]})).await.ok();
        service.fold().await
    };
    let readers = async {
        publishing.arrived(1).await;
        let unpublished = join_all((0..3).map(|_| total_size(&service, &token))).await;
        publishing.release();
        folding.arrived(1).await;
        let half_folded = join_all((0..3).map(|_| total_size(&service, &token))).await;
        folding.release();
        (unpublished, half_folded)
    };
    let (folded, (unpublished, half_folded)) = futures::join!(commit, readers);
    assert_eq!((folded, total_size(&service, &token).await), (1, after));
    assert!(unpublished.iter().all(|size| *size == before), "{unpublished:?}");
    assert!(half_folded.iter().all(|size| *size == after), "{half_folded:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commit_of_10_000_records_is_never_seen_in_part() {
    let service = TestService::direct().await;
    let token = service.kv_token();
    stage(&service, &token, 1, "new").await;
    service.backend.multiply_draft(10_000).await;
    never_seen_in_part(&service, &token, 10_000, 0, 10_000 * 5).await;
    let one_more = json!({"keys": (0..=10_000).map(|idx| json!({"key": "big", "idx": idx})).collect::<Vec<_>>()});
    assert_eq!(service.post(&format!("{KV}/commit"), &token, one_more).await.failed(400), "COMMIT_TOO_LARGE");
}

/// A write to a record with a write list reads it first; the condition of its put then decides.
#[tokio::test]
async fn one_of_two_cas_writers_on_a_restricted_record_wins() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let guarded = json!({"data": "old", "write_caps": ["kv_store_write"]});
    let version = service.put(&format!("{KV}/key/k"), &token, guarded).await.ok()["version"].clone();
    let gate = service.faulty.on("PutItem").table(&service.backend.tables.kv).first(2).hold_before_store();
    let path = format!("{KV}/cas/key/k");
    let writers = ["a", "b"].map(|data| service.put(&path, &token, json!({"data": data, "version": version})));
    let release = async {
        gate.arrived(2).await;
        gate.release();
    };
    let (replies, ()) = futures::join!(join_all(writers), release);
    let (won, lost) = if replies[0].status == 200 { (0, 1) } else { (1, 0) };
    assert_eq!(replies[won].status, 200);
    assert_eq!(replies[lost].failed(400), "VERSION_MISMATCH");
    assert_eq!(service.get(&format!("{KV}/key/k"), &token).await.ok()["data"], ["a", "b"][won]);
}
