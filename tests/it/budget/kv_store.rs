//! The cost of the key-value store.

use http::Method;
use serde_json::{Value, json};

use super::{cost, repeat, warm};
use crate::support::service::KV;

#[tokio::test]
async fn single_records_cost_one_call() {
    let (service, token) = warm().await;
    let path = format!("{KV}/key/k");
    assert_eq!(cost(&service, Method::GET, &path, &token, None).await, ["GetItem 1.0 RU"]);
    assert_eq!(cost(&service, Method::PUT, &path, &token, Some(json!({"data": 2}))).await, ["UpdateItem 1.0 WU"]);
    let version = service.get(&path, &token).await.ok()["version"].clone();
    service.faulty.ledger().take();
    let body = json!({"data": 3, "version": version});
    assert_eq!(
        cost(&service, Method::PUT, &format!("{KV}/cas/key/k"), &token, Some(body)).await,
        ["UpdateItem 1.0 WU"]
    );
    let body = json!({"data": 3});
    assert_eq!(
        cost(&service, Method::PUT, &format!("{KV}/cas/key/n"), &token, Some(body)).await,
        ["UpdateItem 1.0 WU"]
    );
    let staged = json!({"data": 4, "committed": false});
    assert_eq!(cost(&service, Method::PUT, &format!("{KV}/key/n"), &token, Some(staged)).await, ["UpdateItem 1.0 WU"]);
    assert_eq!(cost(&service, Method::DELETE, &format!("{path}?idx=0"), &token, None).await, ["UpdateItem 1.0 WU"]);
}

#[tokio::test]
async fn record_with_a_draft_costs_three_reads() {
    let (service, token) = warm().await;
    let path = format!("{KV}/key/k");
    service.put(&path, &token, json!({"data": 2, "committed": false})).await.ok();
    service.faulty.ledger().take();
    let three = repeat("GetItem 1.0 RU", 3);
    assert_eq!(cost(&service, Method::GET, &path, &token, None).await, three, "the record, the head, the record again");
    service.post(&format!("{KV}/commit"), &token, json!({"keys": [{"key": "k"}]})).await.ok();
    service.get(&path, &token).await.ok();
    service.faulty.ledger().take();
    assert_eq!(cost(&service, Method::GET, &path, &token, None).await, three, "its list is cached");
    let over = json!({"data": 3});
    assert_eq!(cost(&service, Method::PUT, &path, &token, Some(over)).await.len(), 3, "refused, the head, put");
}

#[tokio::test]
async fn listings_cost_the_head_and_a_query_a_page() {
    let (service, token) = warm().await;
    for number in 0..40 {
        service.put(&format!("{KV}/key/p{number:02}"), &token, json!({"data": "x".repeat(600)})).await.ok();
    }
    service.faulty.ledger().take();
    let first = cost(&service, Method::GET, &format!("{KV}/iter/p?prefix=true"), &token, None).await;
    assert_eq!(first[2..], ["GetItem 1.0 RU", "PutItem 1.0 WU"], "the seed of cursors, once in a deployment");
    let page = cost(&service, Method::GET, &format!("{KV}/iter/p?prefix=true"), &token, None).await;
    assert_eq!(page.len(), 2, "{page:?}");
    assert_eq!(page[0], "GetItem 1.0 RU");
    let units: f64 = page[1].split(' ').nth(1).unwrap().parse().unwrap();
    assert!(page[1].starts_with("Query") && units <= 8.0, "31 items of less than 1 KB: {page:?}");
    for path in ["count/key/p00", "size/key/p00"] {
        let calls = cost(&service, Method::GET, &format!("{KV}/{path}"), &token, None).await;
        assert_eq!(calls, ["GetItem 1.0 RU", "Query 1.0 RU"], "{path}");
    }
}

#[tokio::test]
async fn commit_reads_its_records_twice_and_publishes_by_one_write() {
    let (service, token) = warm().await;
    service.stage(&token, "first", &[json!(1)]).await;
    service.post(&format!("{KV}/commit"), &token, json!({"keys": [{"key": "first"}]})).await.ok();
    service.fold().await;
    service.stage(&token, "c", &vec![json!(1); 150]).await;
    service.faulty.ledger().take();
    let keys: Vec<Value> = (0..150).map(|idx| json!({"key": "c", "idx": idx})).collect();
    let calls = cost(&service, Method::POST, &format!("{KV}/commit"), &token, Some(json!({"keys": keys}))).await;
    let names: Vec<&str> = calls.iter().map(|line| line.split(' ').next().unwrap()).collect();
    let batches = ["BatchGetItem"; 2];
    let expected = [&["GetItem"][..], &batches, &["PutItem", "UpdateItem"], &batches].concat();
    assert_eq!(names, expected, "the head, the records, the list, the publication, which drafts it published");
    assert_eq!(calls[4], "UpdateItem 1.0 WU");
}
