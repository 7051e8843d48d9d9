//! Faults that refuse, lose or hold a call. Each must be visible to a client and be counted.

use std::time::{Duration, Instant};

use super::fixture::{Fixture, TABLE, describe, get, item, key, metered_get, put, s};
use crate::support::faulty::{Call, Gate, Refusal};

#[tokio::test]
async fn injected_error_reaches_the_client_not_the_store() {
    let fixture = Fixture::start().await;
    for refusal in Refusal::ALL {
        let hits = fixture.faulty.on("PutItem").nth(1).refuse(refusal);
        assert_eq!(put(&fixture.client, "a", "1").await.unwrap_err(), refusal.code());
        assert_eq!(fixture.stored("a").await, None, "{refusal:?}");
        assert_eq!(hits.count(), 1);
        fixture.faulty.heal();
    }
}

#[tokio::test]
async fn cancelled_transaction_names_one_reason_per_item() {
    let fixture = Fixture::start().await;
    fixture.faulty.on("TransactWriteItems").refuse(Refusal::TransactionCanceledByConflict);
    let write = || {
        use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
        let put = Put::builder().table_name(TABLE).set_item(Some(item("a", "1"))).build().unwrap();
        TransactWriteItem::builder().put(put).build()
    };
    let writes = fixture.client.transact_write_items().transact_items(write()).transact_items(write());
    let error = writes.send().await.unwrap_err().into_service_error();
    let aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(error) =
        error
    else {
        panic!("{error:?}")
    };
    let codes: Vec<_> = error.cancellation_reasons().iter().filter_map(|reason| reason.code()).collect();
    assert_eq!(codes, ["TransactionConflict", "None"]);
}

#[tokio::test]
async fn sdk_retries_a_throttled_attempt() {
    let fixture = Fixture::start().await;
    let hits = fixture.faulty.on("PutItem").first(2).refuse(Refusal::Throttling);
    put(&fixture.retrying_client(), "a", "1").await.unwrap();
    assert_eq!(hits.count(), 2);
    assert_eq!(fixture.faulty.ledger().take_lines(), ["PutItem unsent", "PutItem unsent", "PutItem 1.0 WU"]);
}

#[tokio::test]
async fn cut_before_the_store_leaves_no_write_and_no_answer() {
    let fixture = Fixture::start().await;
    let hits = fixture.faulty.on("PutItem").nth(1).cut_before_store();
    assert_eq!(put(&fixture.client, "a", "1").await.unwrap_err(), "no answer");
    assert_eq!(fixture.stored("a").await, None);
    assert_eq!(hits.count(), 1);
}

#[tokio::test]
async fn cut_after_the_store_keeps_the_write_and_loses_the_answer() {
    let fixture = Fixture::start().await;
    let hits = fixture.faulty.on("PutItem").nth(1).cut_after_store();
    assert_eq!(put(&fixture.client, "a", "1").await.unwrap_err(), "no answer");
    assert_eq!(fixture.stored("a").await.as_deref(), Some("1"));
    assert_eq!(hits.count(), 1);
}

#[tokio::test]
async fn lost_answer_makes_a_stored_write_look_refused() {
    let fixture = Fixture::start().await;
    fixture.faulty.on("PutItem").nth(1).cut_after_store();
    let insert = fixture.retrying_client().put_item().table_name(TABLE).set_item(Some(item("a", "1")));
    let error = insert.condition_expression("attribute_not_exists(sk)").send().await.unwrap_err();
    assert_eq!(describe(error), "ConditionalCheckFailedException");
    assert_eq!(fixture.stored("a").await.as_deref(), Some("1"));
    let lines = fixture.faulty.ledger().take_lines();
    assert_eq!(lines, ["PutItem 1.0 WU", "PutItem 0.0 WU ConditionalCheckFailedException"]);
}

#[tokio::test]
async fn truncated_answer_fails_and_its_write_is_stored() {
    let fixture = Fixture::start().await;
    let hits = fixture.faulty.on("UpdateItem").truncate_answer();
    let update = fixture.client.update_item().table_name(TABLE).set_key(Some(key("a")));
    let update = update.update_expression("SET v = :v").expression_attribute_values(":v", s("1"));
    let update = update.return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew);
    assert_eq!(describe(update.send().await.unwrap_err()), "broken answer");
    assert_eq!(fixture.stored("a").await.as_deref(), Some("1"));
    assert_eq!(hits.count(), 1);
}

#[tokio::test]
async fn injected_checksum_error_is_on_the_wire() {
    let fixture = Fixture::start().await;
    fixture.put("a", "1").await;
    let good = raw_get(fixture.faulty.endpoint()).await;
    let hits = fixture.faulty.on("GetItem").wrong_checksum();
    let bad = raw_get(fixture.faulty.endpoint()).await;
    assert_eq!(good.0, good.1);
    assert_ne!(bad.0, bad.1);
    assert_eq!(hits.count(), 1);
    // This SDK does not verify the checksum. If a new version does, this assertion fails.
    assert_eq!(fixture.read("a").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn delayed_answer_arrives_late() {
    let fixture = Fixture::start().await;
    fixture.faulty.on("PutItem").delay_answer(Duration::from_millis(80));
    let start = Instant::now();
    fixture.put("a", "1").await;
    assert!(start.elapsed() >= Duration::from_millis(80));
}

#[tokio::test]
async fn death_before_the_store_loses_this_and_later_calls() {
    let fixture = Fixture::start().await;
    fixture.faulty.on("*").nth(2).die_before_store();
    fixture.put("a", "1").await;
    for sort in ["b", "c"] {
        assert_eq!(put(&fixture.retrying_client(), sort, "1").await.unwrap_err(), "no answer");
        assert_eq!(fixture.stored(sort).await, None);
    }
    assert!(fixture.faulty.is_dead());
    fixture.faulty.heal();
    fixture.put("b", "2").await;
    assert_eq!(fixture.stored("b").await.as_deref(), Some("2"));
}

#[tokio::test]
async fn death_after_the_store_keeps_this_call_and_loses_later() {
    let fixture = Fixture::start().await;
    fixture.faulty.on("*").nth(2).die_after_store();
    fixture.put("a", "1").await;
    assert_eq!(put(&fixture.retrying_client(), "b", "1").await.unwrap_err(), "no answer");
    assert_eq!(fixture.stored("b").await.as_deref(), Some("1"));
    assert_eq!(put(&fixture.client, "c", "1").await.unwrap_err(), "no answer");
    assert_eq!(fixture.stored("c").await, None);
}

#[tokio::test]
async fn gate_holds_a_write_before_it_takes_effect() {
    let fixture = Fixture::start().await;
    let gate: Gate = fixture.faulty.on("PutItem").nth(1).hold_before_store();
    let client = fixture.client.clone();
    let held = tokio::spawn(async move { put(&client, "a", "late").await });
    gate.arrived(1).await;
    assert_eq!(fixture.stored("a").await, None);
    fixture.put("a", "early").await;
    assert_eq!(gate.waiting(), 1);
    gate.release();
    held.await.unwrap().unwrap();
    assert_eq!(fixture.stored("a").await.as_deref(), Some("late"));
}

#[tokio::test]
async fn gate_holds_an_answer_after_its_write_took_effect() {
    let fixture = Fixture::start().await;
    let gate = fixture.faulty.on("PutItem").hold_after_store();
    let client = fixture.client.clone();
    let held = tokio::spawn(async move { put(&client, "a", "1").await });
    gate.arrived(1).await;
    assert_eq!(fixture.stored("a").await.as_deref(), Some("1"));
    assert!(!held.is_finished());
    gate.release();
    held.await.unwrap().unwrap();
}

#[tokio::test]
async fn late_write_takes_effect_after_its_client_gave_up() {
    let fixture = Fixture::start().await;
    let gate = fixture.faulty.on("PutItem").nth(1).store_late();
    assert_eq!(put(&fixture.client, "a", "late").await.unwrap_err(), "no answer");
    gate.arrived(1).await;
    fixture.put("a", "early").await;
    assert_eq!(fixture.stored("a").await.as_deref(), Some("early"));
    gate.release();
    fixture.faulty.settled().await;
    assert_eq!(fixture.stored("a").await.as_deref(), Some("late"));
    assert_eq!(fixture.faulty.ledger().take_lines(), ["PutItem 1.0 WU", "PutItem 1.0 WU"]);
}

#[tokio::test]
async fn late_write_waits_for_a_random_number_of_calls() {
    let fixture = Fixture::start().await;
    let hits = fixture.faulty.on("PutItem").matching(|body| body["Item"]["v"]["S"] == "late").store_late_within(5);
    for sort in ["a", "b", "c"] {
        assert_eq!(put(&fixture.client, sort, "late").await.unwrap_err(), "no answer");
        assert_eq!(fixture.stored(sort).await, None);
    }
    for _ in 0..5 {
        get(&fixture.client, "x", true).await;
    }
    fixture.faulty.settled().await;
    for sort in ["a", "b", "c"] {
        assert_eq!(fixture.stored(sort).await.as_deref(), Some("late"));
    }
    assert_eq!(hits.count(), 3);
}

#[tokio::test]
async fn healing_executes_late_writes() {
    let fixture = Fixture::start().await;
    fixture.faulty.on("PutItem").store_late_within(1_000);
    put(&fixture.client, "a", "late").await.unwrap_err();
    fixture.faulty.heal();
    fixture.faulty.settled().await;
    assert_eq!(fixture.stored("a").await.as_deref(), Some("late"));
}

#[tokio::test]
async fn gate_proves_overlap_and_releases_calls_one_by_one() {
    let fixture = Fixture::start().await;
    let gate = fixture.faulty.on("PutItem").hold_before_store();
    let calls = ["a", "b", "c"].map(|sort| {
        let client = fixture.client.clone();
        tokio::spawn(async move { put(&client, sort, "1").await })
    });
    gate.arrived(3).await;
    assert_eq!(gate.waiting(), 3);
    gate.release_one();
    while gate.waiting() > 2 {
        tokio::task::yield_now().await;
    }
    fixture.faulty.heal();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(gate.waiting(), 0);
}

#[tokio::test]
async fn rule_matches_only_the_calls_it_names() {
    let fixture = Fixture::start().await;
    let faulty = &fixture.faulty;
    let other_table = faulty.on("PutItem").table("other").refuse(Refusal::Throttling);
    let marked = faulty.on("PutItem").matching(|body| body["Item"]["v"]["S"] == "bad").refuse(Refusal::Throttling);
    let third = faulty.on("PutItem").every(3).refuse(Refusal::Throttling);
    let mut refused = Vec::new();
    for (number, value) in ["ok", "bad", "ok", "ok", "ok", "ok"].into_iter().enumerate() {
        if put(&fixture.client, "a", value).await.is_err() {
            refused.push(number + 1);
        }
    }
    assert_eq!(refused, [2, 3, 6]);
    assert_eq!([other_table.count(), marked.count(), third.count()], [0, 1, 2]);
}

#[tokio::test]
async fn same_seed_hits_the_same_calls() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let fixture = Fixture::start().await;
        fixture.faulty.on("PutItem").chance(0.3).refuse(Refusal::Throttling);
        let mut run = Vec::new();
        for _ in 0..40 {
            run.push(put(&fixture.client, "a", "1").await.is_ok());
        }
        runs.push(run);
    }
    assert_eq!(runs[0], runs[1]);
    let refused = runs[0].iter().filter(|ok| !**ok).count();
    assert!((4..25).contains(&refused), "{refused} of 40");
}

#[tokio::test]
async fn ledger_records_the_capacity_of_every_call() {
    let fixture = Fixture::start().await;
    let (asked, calls) = fixture
        .faulty
        .ledger()
        .during(async {
            fixture.put("a", "1").await;
            fixture.transact(&["b", "c"], "1").await;
            get(&fixture.client, "a", true).await;
            fixture.page(None).await;
            metered_get(&fixture.client, "a").await
        })
        .await;
    let lines: Vec<_> = calls.iter().map(Call::to_string).collect();
    assert_eq!(
        lines,
        ["PutItem 1.0 WU", "TransactWriteItems 4.0 WU", "GetItem 1.0 RU", "Query 1.0 RU", "GetItem 0.5 RU"]
    );
    assert!(calls.iter().all(|call| call.table == TABLE));
    assert_eq!(asked, Some(0.5), "the client gets the capacity it asked for");
}

#[tokio::test]
async fn dropped_proxy_no_longer_answers() {
    let fixture = Fixture::start().await;
    let Fixture { ref client, .. } = fixture;
    put(client, "a", "1").await.unwrap();
    let client = client.clone();
    drop(fixture);
    assert_eq!(put(&client, "a", "2").await.unwrap_err(), "no answer");
}

/// The announced and the actual checksum of an answer.
async fn raw_get(endpoint: &str) -> (u32, u32) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let address = endpoint.trim_start_matches("http://");
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let body = format!(r#"{{"TableName":"{TABLE}","Key":{{"pk":{{"S":"p"}},"sk":{{"S":"a"}}}}}}"#);
    let head = "POST / HTTP/1.1\r\nhost: x\r\nx-amz-target: DynamoDB_20120810.GetItem\r\n\
        content-type: application/x-amz-json-1.0\r\nx-amz-date: 20261122T000000Z\r\n\
        authorization: AWS4-HMAC-SHA256 Credential=a/20261122/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, \
        Signature=0\r\n";
    let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    while !answer.ends_with("}}}") {
        let mut bytes = [0; 4096];
        let count = socket.read(&mut bytes).await.unwrap();
        assert_ne!(count, 0, "{answer}");
        answer.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
    }
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let announced = head.lines().find_map(|line| line.strip_prefix("x-amz-crc32: ")).unwrap();
    (announced.parse().unwrap(), crc32fast::hash(body.as_bytes()))
}
