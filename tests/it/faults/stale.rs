//! Stale, torn and incomplete answers. Each must be visible to a client and be counted.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, Delete, KeysAndAttributes, PutRequest, TransactWriteItem, WriteRequest};

use super::fixture::{Fixture, TABLE, get, item, key, s, value_of};

/// Longer than any test.
const EVER: Duration = Duration::from_mins(1);

#[tokio::test]
async fn only_stale_reads_see_the_previous_version() {
    let fixture = Fixture::start().await;
    let hits = fixture.faulty.on("GetItem").stale(EVER);
    fixture.put("a", "1").await;
    assert_eq!(fixture.read("a").await, None, "before its first write it did not exist");
    fixture.put("a", "2").await;
    assert_eq!(fixture.read("a").await.as_deref(), Some("1"));
    assert_eq!(get(&fixture.client, "a", true).await.as_deref(), Some("2"));
    fixture.client.delete_item().table_name(TABLE).set_key(Some(key("a"))).send().await.unwrap();
    assert_eq!(fixture.read("a").await.as_deref(), Some("2"), "a deleted item is still listed");
    assert_eq!(hits.count(), 3);
    fixture.faulty.heal();
    assert_eq!(fixture.read("a").await, None);
}

#[tokio::test]
async fn rule_added_later_uses_the_recorded_writes() {
    let fixture = Fixture::start().await;
    fixture.faulty.watch_writes();
    fixture.put("a", "1").await;
    fixture.put("a", "2").await;
    fixture.faulty.on("GetItem").nth(1).stale(EVER);
    assert_eq!(fixture.read("a").await.as_deref(), Some("1"));
    assert_eq!(fixture.read("a").await.as_deref(), Some("2"));
}

#[tokio::test]
async fn stale_reads_end_with_their_window() {
    let fixture = Fixture::start().await;
    fixture.faulty.on("GetItem").stale(Duration::from_millis(40));
    fixture.put("a", "1").await;
    assert_eq!(fixture.read("a").await, None);
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(fixture.read("a").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn stale_query_and_batch_see_previous_versions() {
    let fixture = Fixture::start().await;
    fixture.put("a", "1").await;
    fixture.put("b", "1").await;
    fixture.faulty.on("Query").stale(EVER);
    fixture.faulty.on("BatchGetItem").stale(EVER);
    fixture.put("b", "2").await;
    fixture.put("c", "2").await;
    let query = fixture.client.query().table_name(TABLE).key_condition_expression("pk = :pk");
    let query = query.expression_attribute_values(":pk", s("p"));
    let page = query.clone().send().await.unwrap();
    assert_eq!(values(page.items()), ["1", "1"], "c does not exist yet");
    assert_eq!(page.count(), 2);
    let page = query.consistent_read(true).send().await.unwrap();
    assert_eq!(values(page.items()), ["1", "2", "2"]);

    let keys = KeysAndAttributes::builder().keys(key("b")).build().unwrap();
    let batch = fixture.client.batch_get_item().request_items(TABLE, keys).send().await.unwrap();
    assert_eq!(values(&batch.responses().unwrap()[TABLE]), ["1"]);
}

#[tokio::test]
async fn stale_read_respects_the_projection() {
    let fixture = Fixture::start().await;
    fixture.faulty.on("GetItem").stale(EVER);
    fixture.put("a", "1").await;
    fixture.put("a", "2").await;
    let get = fixture.client.get_item().table_name(TABLE).set_key(Some(key("a")));
    let get = get.projection_expression("#v").expression_attribute_names("#v", "v");
    let item = get.send().await.unwrap().item.unwrap();
    assert_eq!(item, HashMap::from([("v".to_owned(), s("1"))]));
}

#[tokio::test]
async fn torn_query_shows_part_of_a_transaction() {
    let fixture = Fixture::start().await;
    fixture.transact(&["a", "b", "c", "d"], "old").await;
    let hits = fixture.faulty.on("Query").torn(EVER);
    assert_eq!(fixture.page(None).await.0, ["old"; 4], "what was written before the rule is whole");
    fixture.transact(&["a", "b", "c", "d"], "new").await;
    let (values, _) = fixture.page(None).await;
    assert_eq!(values.iter().filter(|value| *value == "old").count(), 2, "{values:?}");
    assert_eq!(values.iter().filter(|value| *value == "new").count(), 2, "{values:?}");
    assert_eq!(hits.count(), 1);
    fixture.faulty.heal();
    assert_eq!(fixture.page(None).await.0, ["new"; 4]);
}

#[tokio::test]
async fn torn_query_shows_part_of_the_created_items() {
    let fixture = Fixture::start().await;
    fixture.faulty.on("Query").torn(EVER);
    fixture.transact(&["a", "b", "c", "d"], "new").await;
    assert_eq!(fixture.page(None).await.0.len(), 2);
}

#[tokio::test]
async fn torn_query_shows_part_of_the_deleted_items() {
    let fixture = Fixture::start().await;
    fixture.transact(&["a", "b", "c", "d"], "old").await;
    fixture.faulty.on("Query").torn(EVER);
    let deletes = ["a", "b", "c", "d"].map(|sort| {
        let delete = Delete::builder().table_name(TABLE).set_key(Some(key(sort))).build().unwrap();
        TransactWriteItem::builder().delete(delete).build()
    });
    let deletes = Some(deletes.to_vec());
    fixture.client.transact_write_items().set_transact_items(deletes).send().await.unwrap();
    assert_eq!(fixture.page(None).await.0, ["old"; 2]);
    fixture.faulty.heal();
    assert_eq!(fixture.page(None).await.0.len(), 0);
}

#[tokio::test]
async fn stale_query_lists_a_deleted_item_in_order() {
    let fixture = Fixture::start().await;
    for sort in ["a", "b", "c"] {
        fixture.put(sort, sort).await;
    }
    fixture.faulty.on("Query").stale(EVER);
    fixture.client.delete_item().table_name(TABLE).set_key(Some(key("b"))).send().await.unwrap();
    let query = fixture.client.query().table_name(TABLE).expression_attribute_values(":pk", s("p"));
    let all = query.clone().key_condition_expression("pk = :pk").send().await.unwrap();
    assert_eq!(values(all.items()), ["a", "b", "c"]);
    assert_eq!(all.count(), 3);
    let query = query.expression_attribute_values(":sk", s("b"));
    let later = query.clone().key_condition_expression("pk = :pk AND sk > :sk").send().await.unwrap();
    assert_eq!(values(later.items()), ["c"]);
    let from = query.key_condition_expression("pk = :pk AND sk >= :sk").scan_index_forward(false);
    assert_eq!(values(from.send().await.unwrap().items()), ["c", "b"]);
}

#[tokio::test]
async fn single_write_is_never_torn() {
    let fixture = Fixture::start().await;
    let hits = fixture.faulty.on("Query").torn(EVER);
    fixture.put("a", "1").await;
    fixture.put("a", "2").await;
    assert_eq!(fixture.page(None).await.0, ["2"]);
    assert_eq!(hits.count(), 0);
}

#[tokio::test]
async fn empty_page_has_a_cursor_and_loses_nothing() {
    let fixture = Fixture::start().await;
    for sort in ["a", "b", "c"] {
        fixture.put(sort, sort).await;
    }
    let hits = fixture.faulty.on("Query").first(3).empty_page();
    let (mut start, mut pages) = (None, Vec::new());
    loop {
        let (values, next) = fixture.page(start).await;
        pages.push(values.concat());
        start = next;
        if start.is_none() {
            break;
        }
    }
    assert_eq!(pages, ["", "", "", "abc"]);
    assert_eq!(hits.count(), 3);
}

#[tokio::test]
async fn shortened_page_loses_nothing() {
    let fixture = Fixture::start().await;
    for sort in ["a", "b", "c"] {
        fixture.put(sort, sort).await;
    }
    let hits = fixture.faulty.on("Query").page_of(2);
    let (first, next) = fixture.page(None).await;
    assert_eq!(first, ["a", "b"]);
    let (second, end) = fixture.page(next).await;
    assert_eq!(second, ["c"]);
    assert_eq!(end, None);
    assert_eq!(hits.count(), 1);
}

#[tokio::test]
async fn partial_batch_names_the_unprocessed_keys() {
    let fixture = Fixture::start().await;
    let hits = fixture.faulty.on("BatchWriteItem").nth(1).process_only(1);
    let put = |sort: &str| {
        let put = PutRequest::builder().set_item(Some(item(sort, "1"))).build().unwrap();
        WriteRequest::builder().put_request(put).build()
    };
    let writes = vec![put("a"), put("b"), put("c")];
    let batch = fixture.client.batch_write_item().request_items(TABLE, writes).send().await.unwrap();
    let rest = batch.unprocessed_items().unwrap().clone();
    assert_eq!(rest[TABLE].len(), 2);
    assert_eq!(fixture.stored("a").await.as_deref(), Some("1"));
    assert_eq!(fixture.stored("b").await, None);
    fixture.client.batch_write_item().set_request_items(Some(rest)).send().await.unwrap();
    assert_eq!(fixture.stored("c").await.as_deref(), Some("1"));
    assert_eq!(hits.count(), 1);

    for keep in [0, 1] {
        let hits = fixture.faulty.on("BatchGetItem").nth(1).process_only(keep);
        let keys = KeysAndAttributes::builder().keys(key("a")).keys(key("b")).build().unwrap();
        let batch = fixture.client.batch_get_item().request_items(TABLE, keys).send().await.unwrap();
        assert_eq!(batch.responses().and_then(|tables| tables.get(TABLE)).map_or(0, Vec::len), keep);
        assert_eq!(batch.unprocessed_keys().unwrap()[TABLE].keys().len(), 2 - keep);
        assert_eq!(hits.count(), 1);
        fixture.faulty.heal();
    }
}

fn values(items: &[HashMap<String, AttributeValue>]) -> Vec<String> {
    items.iter().map(value_of).collect()
}
