//! Pages and batches that end early without losing anything.

use std::collections::HashMap;
use std::sync::Mutex;

use serde_json::{Value, json};

/// The continuation of empty pages. The `LastEvaluatedKey` of an empty page is the key of the first item it hides,
/// since clients must be able to parse it. A request that continues there is sent back to where the empty page began.
#[derive(Debug, Default)]
pub(super) struct Resumes(Mutex<HashMap<String, Option<Value>>>);

impl Resumes {
    /// Replaces the start key of a request that continues an empty page by the real one.
    pub fn apply(&self, body: &mut Value) {
        let Some(start) = body.get("ExclusiveStartKey") else {
            return;
        };
        let Some(true_start) = self.0.lock().unwrap().remove(&mark(body, start)) else {
            return;
        };
        set_start(body, true_start);
    }

    /// Empties the answer to the request `body`. Returns whether there was an item to hide.
    pub fn empty(&self, body: &Value, answer: &mut Value) -> bool {
        let Some(last) = answer.get("LastEvaluatedKey").cloned() else {
            return false;
        };
        let start = body.get("ExclusiveStartKey").cloned();
        self.0.lock().unwrap().insert(mark(body, &last), start);
        *answer = json!({ "Items": [], "Count": 0, "ScannedCount": 0, "LastEvaluatedKey": last });
        true
    }
}

/// A canonical name of a listing position, independent of the order of the key's members.
fn mark(body: &Value, key: &Value) -> String {
    let mut members: Vec<_> = key.as_object().into_iter().flatten().collect();
    members.sort_unstable_by_key(|(name, _)| *name);
    format!("{} {} {} {members:?}", body["TableName"], body["IndexName"], body["ExpressionAttributeValues"])
}

fn set_start(body: &mut Value, start: Option<Value>) {
    let Some(members) = body.as_object_mut() else {
        return;
    };
    match start {
        Some(start) => members.insert("ExclusiveStartKey".to_owned(), start),
        None => members.remove("ExclusiveStartKey"),
    };
}

/// Removes all but the first `keep` items from a batch request. Returns the rest, in the shape of `UnprocessedKeys` or
/// `UnprocessedItems`.
pub(super) fn split_batch(body: &mut Value, mut keep: usize) -> Value {
    let mut rest = json!({});
    let Some(tables) = body["RequestItems"].as_object_mut() else {
        return rest;
    };
    for (table, wanted) in tables.iter_mut() {
        // Per table, a read has `{"Keys": […], …}` and a write has a list.
        let is_read = wanted.is_object();
        let mut left = wanted.clone();
        let list = if is_read { &mut wanted["Keys"] } else { &mut *wanted };
        let Some(list) = list.as_array_mut() else {
            continue;
        };
        let tail = list.split_off(keep.min(list.len()));
        keep -= list.len();
        if tail.is_empty() {
            continue;
        }
        if is_read {
            left["Keys"] = tail.into();
        } else {
            left = tail.into();
        }
        rest[table] = left;
    }
    tables.retain(|_, wanted| {
        let list = if wanted.is_object() { &wanted["Keys"] } else { &*wanted };
        list.as_array().is_some_and(|list| !list.is_empty())
    });
    rest
}
