//! The faults between the functions and storage while the clients run.

use std::time::Duration;

use serde_json::Value;

use crate::support::TestService;
use crate::support::faulty::{Hits, On, Refusal};

/// Longer than the timeout of a call.
const TOO_LATE: Duration = Duration::from_millis(1_200);

/// Injects the faults, chosen by the fixture's seed. Returns counters of each kind, by name.
pub fn inject(fixture: &TestService) -> Vec<(&'static str, Hits)> {
    let on = |operation: &str| fixture.faulty.on(operation).table(&fixture.backend.tables.kv);
    let reading_head = || on("GetItem").matching(is_about_head);
    let publishing = || on("*").matching(publishes);
    let writing = || on("*").matching(is_write);
    let delayed =
        |on: On<'_>, chance, milliseconds| on.chance(chance).delay_answer(Duration::from_millis(milliseconds));
    vec![
        ("head read late", delayed(reading_head(), 0.02, 400)),
        ("head read late", delayed(reading_head(), 0.05, 120)),
        ("head read late", delayed(reading_head(), 0.15, 30)),
        ("publication answered too late", publishing().chance(0.03).delay_answer(TOO_LATE)),
        ("publication answer lost", publishing().chance(0.03).cut_after_store()),
        ("publication lost", publishing().chance(0.02).cut_before_store()),
        ("publication stored late", publishing().chance(0.03).store_late_within(60)),
        ("publication delayed", delayed(publishing(), 0.10, 40)),
        ("write answer lost", writing().chance(0.02).cut_after_store()),
        ("write lost", writing().chance(0.01).cut_before_store()),
        ("write stored late", writing().chance(0.01).store_late_within(60)),
        ("write throttled", writing().chance(0.01).refuse(Refusal::ThroughputExceeded)),
        ("write delayed", delayed(writing(), 0.03, 40)),
        ("transaction conflict", on("TransactWriteItems").chance(0.02).refuse(Refusal::TransactionCanceledByConflict)),
        ("read delayed", delayed(on("Query"), 0.05, 40)),
        ("read failed", on("GetItem").chance(0.005).refuse(Refusal::InternalServerError)),
    ]
}

fn is_about_head(body: &Value) -> bool {
    body["Key"]["pk"]["S"].as_str().is_some_and(|pk| pk.ends_with("#head"))
}

/// Whether a call adds a commit to the head.
fn publishes(body: &Value) -> bool {
    let adds = |update: &Value| update.as_str().is_some_and(|update| update.contains("commits.#id = "));
    adds(&body["UpdateExpression"]) || body["Item"]["entity"]["S"] == "commit-head"
}

fn is_write(body: &Value) -> bool {
    ["Item", "UpdateExpression", "TransactItems"].iter().any(|member| body.get(member).is_some())
}
