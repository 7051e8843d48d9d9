//! Serves one client connection: applies the rules to each call, forwards it to the engine, and returns the answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::Shared;
use super::gate::Gate;
use super::ledger::{Call, is_metered};
use super::pages::split_batch;
use super::rule::{Fault, Hits, unit};
use super::wire::{Engine, Message, Peer};

/// The response to the client.
enum Reply {
    Whole(Message),
    /// These bytes, then the connection closes.
    Broken(Vec<u8>),
}

/// Serves a client until it disconnects or a fault closes the connection.
pub(super) async fn connection(shared: Arc<Shared>, socket: TcpStream) {
    let mut client = Peer::new(socket);
    let mut engine = Engine::new(&shared.engine);
    while let Ok(request) = client.receive().await {
        match answer(&shared, &mut engine, request).await {
            Reply::Whole(message) => {
                if client.send(&message.bytes()).await.is_err() {
                    return;
                }
            }
            Reply::Broken(bytes) => {
                let _ = client.send(&bytes).await;
                return;
            }
        }
    }
}

const CUT: Reply = Reply::Broken(Vec::new());

async fn answer(shared: &Arc<Shared>, engine: &mut Engine, request: Message) -> Reply {
    let target = request.header("x-amz-target").and_then(|target| target.split('.').nth(1));
    let operation = target.unwrap_or_default().to_owned();
    let body = request.json();
    let table = first_table(&body);
    let number = shared.ledger.enter(Call::new(&operation, &table, &body));
    shared.calls.send_modify(|calls| *calls += 1);
    if shared.is_dead() {
        return CUT;
    }
    if let Some(denied) = shared.judge(&request, &operation, &body) {
        return Reply::Whole(denied);
    }
    let (fault, hits) = shared.verdict(&operation, &table, &body).unzip();
    let hits = hits.unwrap_or_default();

    match &fault {
        Some(Fault::Refuse(refusal)) => {
            hits.add();
            return Reply::Whole(refusal.answer(&body));
        }
        Some(Fault::Cut { after: false }) => {
            hits.add();
            return CUT;
        }
        Some(Fault::Die { after: false }) => {
            hits.add();
            shared.dead.store(true, Ordering::SeqCst);
            return CUT;
        }
        Some(Fault::Late { gate, within }) => {
            let later = within.map(|calls| later_calls(shared.seed ^ number as u64, calls));
            let due = later.map_or(usize::MAX, |later| *shared.calls.borrow() + later);
            let late = execute_late(Arc::clone(shared), request, gate.clone(), due, number);
            shared.late.lock().unwrap().spawn(late);
            hits.add();
            return CUT;
        }
        Some(Fault::Hold { after: false, gate }) => {
            hits.add();
            gate.pass().await;
            if shared.is_dead() {
                return CUT;
            }
        }
        _ => {}
    }

    let Ok(sent) = send(shared, engine, &request, &operation, fault.as_ref()).await else {
        return CUT;
    };
    shared.ledger.settle(number, &sent.metered);
    let mut answer = sent.answer;

    match fault {
        Some(Fault::Cut { after: true }) => {
            hits.add();
            return CUT;
        }
        Some(Fault::Die { after: true }) => {
            hits.add();
            shared.dead.store(true, Ordering::SeqCst);
            return CUT;
        }
        Some(Fault::Hold { after: true, gate }) => {
            hits.add();
            gate.pass().await;
        }
        Some(Fault::Delay(delay)) => {
            hits.add();
            sleep(delay).await;
        }
        Some(Fault::Truncate) => {
            hits.add();
            let bytes = answer.bytes();
            let missing = answer.body.len().div_ceil(2);
            return Reply::Broken(bytes[..bytes.len() - missing].to_vec());
        }
        Some(Fault::WrongChecksum) => {
            hits.add();
            let wrong = !crc32fast::hash(&answer.body);
            answer.set_header("x-amz-crc32", wrong.to_string());
        }
        Some(lie) => {
            tell(shared, engine, &request, &mut answer, (&lie, &hits, &sent.body, &sent.rest)).await;
        }
        None => {}
    }
    // A caller that died meanwhile gets no answer.
    if shared.is_dead() { CUT } else { Reply::Whole(answer) }
}

/// Executes a call whose caller gave up, when the gate lets it pass or `due` calls have arrived in total.
async fn execute_late(shared: Arc<Shared>, request: Message, gate: Gate, due: usize, number: usize) {
    let mut calls = shared.calls.subscribe();
    tokio::select! {
        () = gate.pass() => {}
        _ = calls.wait_for(|calls| *calls >= due) => {}
    }
    let target = request.header("x-amz-target").and_then(|target| target.split('.').nth(1));
    let operation = target.unwrap_or_default().to_owned();
    let mut engine = Engine::new(&shared.engine);
    if let Ok(sent) = send(&shared, &mut engine, &request, &operation, None).await {
        shared.ledger.settle(number, &sent.metered);
    }
}

/// A number from 1 to `most` derived from `seed`.
fn later_calls(seed: u64, most: usize) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "small")]
    let drawn = (unit(seed) * most as f64) as usize;
    (drawn + 1).min(most)
}

struct Sent {
    answer: Message,
    /// The answer including consumed capacity, which the client may not have asked for.
    metered: Message,
    /// The body as sent to the engine.
    body: Value,
    /// The part of a batch that was not forwarded.
    rest: Value,
}

/// Forwards a call with capacity reporting and, where the fault needs it, with a smaller page or batch.
async fn send(
    shared: &Shared,
    engine: &mut Engine,
    request: &Message,
    operation: &str,
    fault: Option<&Fault>,
) -> std::io::Result<Sent> {
    let mut request = request.clone();
    let mut body = request.json();
    let mut rest = Value::Null;
    let meters = is_metered(operation) && body.get("ReturnConsumedCapacity").is_none_or(|asked| asked == "NONE");
    if meters {
        body["ReturnConsumedCapacity"] = "TOTAL".into();
    }
    if matches!(operation, "Query" | "Scan") {
        shared.resumes.apply(&mut body);
    }
    match fault {
        // An empty page hides the first item, so one item is enough.
        Some(Fault::EmptyPage) => body["Limit"] = 1.into(),
        Some(Fault::PageOf(items)) => {
            let limit = body["Limit"].as_u64().map_or(*items, |limit| (*items).min(limit.try_into().unwrap_or(*items)));
            body["Limit"] = limit.into();
        }
        Some(Fault::Process(keep)) => rest = split_batch(&mut body, *keep),
        _ => {}
    }
    if body.is_object() {
        request.set_json(&body);
    }
    if shared.watching.load(Ordering::SeqCst) {
        shared.images.remember(engine, &request, operation, &body).await?;
    }
    let metered = if body["RequestItems"].as_object().is_some_and(serde_json::Map::is_empty) {
        // The engine would refuse an empty batch.
        Message::answer(200, &json!({ "Responses": {} }))
    } else {
        engine.forward(&request).await?
    };
    let mut answer = metered.clone();
    if meters && let Value::Object(mut members) = answer.json() {
        members.remove("ConsumedCapacity");
        answer.set_json(&Value::Object(members));
    }
    Ok(Sent { answer, metered, body, rest })
}

/// Makes a successful answer stale, torn or shorter.
async fn tell(
    shared: &Shared,
    engine: &mut Engine,
    request: &Message,
    answer: &mut Message,
    (lie, hits, sent, rest): (&Fault, &Hits, &Value, &Value),
) {
    if answer.status() != 200 {
        return;
    }
    let target = request.header("x-amz-target").and_then(|target| target.split('.').nth(1));
    let operation = target.unwrap_or_default();
    let mut body = answer.json();
    let changed = match lie {
        Fault::Stale { window } => shared.images.make_stale(engine, request, operation, &mut body, *window).await,
        Fault::Torn { window } => {
            let odd = unit(shared.seed ^ hits.count() as u64) < 0.5;
            shared.images.tear(engine, request, operation, &mut body, (*window, odd)).await
        }
        Fault::EmptyPage => Ok(shared.resumes.empty(sent, &mut body)),
        Fault::PageOf(_) => Ok(body.get("LastEvaluatedKey").is_some()),
        Fault::Process(_) => {
            let member = if operation == "BatchGetItem" { "UnprocessedKeys" } else { "UnprocessedItems" };
            body[member] = rest.clone();
            Ok(rest.as_object().is_some_and(|rest| !rest.is_empty()))
        }
        _ => Ok(false),
    };
    if changed.unwrap_or(false) {
        hits.add();
    }
    answer.set_json(&body);
}

/// The table of a call, or the first one it names.
fn first_table(body: &Value) -> String {
    let of_batch = || body["RequestItems"].as_object()?.keys().next().map(String::as_str);
    let of_transaction = || {
        let item = body["TransactItems"].as_array()?.first()?.as_object()?;
        item.values().next()?["TableName"].as_str()
    };
    let table = body["TableName"].as_str().or_else(of_batch).or_else(of_transaction);
    table.unwrap_or_default().to_owned()
}
