//! Stale and torn reads, as the real service may return them and no local engine does.
//!
//! Before a write is forwarded, the items it names are read from the engine and stored with the time. A stale read
//! returns the stored version instead of the current one; a torn read does so for some items of one transaction.
//!
//! Limits: a deleted item does not reappear in a `Scan`, a `BatchGetItem` or on an index (where it does reappear, a
//! page may exceed its limit); filters are not evaluated again on the old item; projections keep whole top-level
//! attributes; an answer without the key attributes (also with `Select: COUNT`) is not changed.

use std::collections::HashMap;
use std::io::Result;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::items::{pick, project, replace, tables, text_of, written};
use super::listing::{belongs, sort};
use super::wire::{Engine, Message};

/// The number of versions remembered per item.
const IMAGES_PER_ITEM: usize = 16;

/// The state of an item before one of its writes.
#[derive(Debug, Clone)]
struct Image {
    at: Instant,
    /// `None`: the item did not exist.
    item: Option<Value>,
    /// The transaction that wrote the item, and the item's index in it. `None` for a write outside a transaction.
    transaction: Option<(u64, usize)>,
}

/// A table and the values of its key attributes.
type ItemKey = (String, String);

/// The recorded versions that stale and torn reads are made from.
#[derive(Debug, Default)]
pub(super) struct Images {
    by_key: Mutex<HashMap<ItemKey, Vec<Image>>>,
    key_attributes: Mutex<HashMap<String, Vec<String>>>,
    transactions: Mutex<u64>,
}

impl Images {
    /// Records the items that a write is about to change. Must be called before the write is forwarded.
    pub async fn remember(&self, engine: &mut Engine, request: &Message, operation: &str, body: &Value) -> Result<()> {
        let transaction = (operation == "TransactWriteItems").then(|| {
            let mut last = self.transactions.lock().unwrap();
            *last += 1;
            *last
        });
        for (at, (table, item)) in written(operation, body).into_iter().enumerate() {
            let attributes = self.key_attributes(engine, request, &table).await?;
            let Some(key) = pick(&attributes, item) else {
                continue;
            };
            let get = json!({ "TableName": table, "Key": key, "ConsistentRead": true });
            let before = engine.ask(request, "GetItem", &get).await?;
            let image = Image {
                at: Instant::now(),
                item: before.get("Item").cloned(),
                transaction: transaction.map(|number| (number, at)),
            };
            let mut images = self.by_key.lock().unwrap();
            let images = images.entry((table, text_of(&attributes, &key))).or_default();
            if images.len() == IMAGES_PER_ITEM {
                images.remove(0);
            }
            images.push(image);
        }
        Ok(())
    }

    /// Makes an answer stale. Returns whether anything in it changed.
    pub async fn make_stale(
        &self,
        engine: &mut Engine,
        request: &Message,
        operation: &str,
        answer: &mut Value,
        window: Duration,
    ) -> Result<bool> {
        let body = request.json();
        for table in tables(operation, &body) {
            self.key_attributes(engine, request, &table).await?;
        }
        let latest = |key: &ItemKey| self.image(key, |image| image.at.elapsed() <= window).map(|image| image.item);
        Ok(self.rewrite(operation, &body, (answer, false), latest))
    }

    /// Restores some items of one transaction to their state before it: every second one of those in the answer,
    /// starting with the first or, if `odd`, the second, and at least one. Returns whether anything in the answer
    /// changed.
    pub async fn tear(
        &self,
        engine: &mut Engine,
        request: &Message,
        operation: &str,
        answer: &mut Value,
        (window, odd): (Duration, bool),
    ) -> Result<bool> {
        let body = request.json();
        for table in tables(operation, &body) {
            self.key_attributes(engine, request, &table).await?;
        }
        // A first pass finds the newest transaction in the answer and the indexes of its items.
        let mut shown = Vec::new();
        self.rewrite(operation, &body, (&mut answer.clone(), true), |key| {
            let image = self.image(key, |image| image.transaction.is_some() && image.at.elapsed() <= window)?;
            shown.extend(image.transaction);
            None
        });
        shown.sort_unstable();
        let Some(&(youngest, _)) = shown.last() else {
            return Ok(false);
        };
        shown.retain(|(number, _)| *number == youngest);
        let odd = odd && shown.len() > 1;
        let old: Vec<_> = shown.into_iter().skip(usize::from(odd)).step_by(2).collect();
        Ok(self.rewrite(operation, &body, (answer, true), |key| {
            let image = self.image(key, |image| image.transaction.is_some_and(|entry| old.contains(&entry)))?;
            Some(image.item)
        }))
    }

    fn image(&self, key: &ItemKey, wanted: impl Fn(&Image) -> bool) -> Option<Image> {
        let images = self.by_key.lock().unwrap();
        images.get(key)?.iter().rev().find(|image| wanted(image)).cloned()
    }

    /// Earlier versions of a table's items that are missing from an answer.
    fn gone(&self, table: &str, is_present: impl Fn(&ItemKey) -> bool) -> Vec<Value> {
        let images = self.by_key.lock().unwrap();
        let absent = images.iter().filter(|(key, _)| key.0 == table && !is_present(key));
        absent.filter_map(|(_, images)| images.iter().rev().find_map(|image| image.item.clone())).collect()
    }

    /// Replaces items of an answer. `old` returns the replacement; `Some(None)` means absent.
    fn rewrite(
        &self,
        operation: &str,
        body: &Value,
        (answer, consistent_too): (&mut Value, bool),
        mut old: impl FnMut(&ItemKey) -> Option<Option<Value>>,
    ) -> bool {
        let schemas = self.key_attributes.lock().unwrap().clone();
        let key_of = |table: &str, item: &Value| {
            let attributes = schemas.get(table)?;
            let key = pick(attributes, item)?;
            Some((table.to_owned(), text_of(attributes, &key)))
        };
        let mut old_of = |table: &str, item: &Value| old(&key_of(table, item)?);
        let table = body["TableName"].as_str().unwrap_or_default();
        match operation {
            "GetItem" => {
                let Some(item) = old_of(table, &body["Key"]) else {
                    return false;
                };
                let was = answer.get("Item").cloned();
                let now = item.map(|item| project(body, item));
                match now.clone() {
                    Some(item) => answer["Item"] = item,
                    None => answer.as_object_mut().map_or((), |members| drop(members.remove("Item"))),
                }
                was != now
            }
            "BatchGetItem" => {
                let mut changed = false;
                for (table, wanted) in body["RequestItems"].as_object().into_iter().flatten() {
                    if wanted["ConsistentRead"] == json!(true) && !consistent_too {
                        continue;
                    }
                    let Some(items) = answer["Responses"][table].as_array_mut() else {
                        continue;
                    };
                    changed |= replace(items, wanted, |item| old_of(table, item));
                }
                changed
            }
            "Query" | "Scan" => {
                let last = answer.get("LastEvaluatedKey").cloned();
                let Some(items) = answer["Items"].as_array_mut() else {
                    return false;
                };
                let present: Vec<_> = items.iter().map(|item| key_of(table, item)).collect();
                let mut changed = replace(items, body, |item| old_of(table, item));
                if operation == "Query" && body.get("IndexName").is_none() {
                    let schema = schemas.get(table).map_or(&[][..], Vec::as_slice);
                    let mut gone = self.gone(table, |key| present.contains(&Some(key.clone())));
                    gone.retain(|item| belongs(body, schema, last.as_ref(), item));
                    let back = gone.iter().filter_map(|item| old_of(table, item).flatten());
                    let back: Vec<_> = back.map(|item| project(body, item)).collect();
                    if !back.is_empty() {
                        items.extend(back);
                        sort(body, schema, items);
                        changed = true;
                    }
                }
                let count = items.len();
                answer["Count"] = count.into();
                changed
            }
            _ => false,
        }
    }

    async fn key_attributes(&self, engine: &mut Engine, request: &Message, table: &str) -> Result<Vec<String>> {
        if let Some(known) = self.key_attributes.lock().unwrap().get(table) {
            return Ok(known.clone());
        }
        let described = engine.ask(request, "DescribeTable", &json!({ "TableName": table })).await?;
        let schema = described["Table"]["KeySchema"].as_array().into_iter().flatten();
        let names: Vec<_> = schema.filter_map(|key| key["AttributeName"].as_str()).map(str::to_owned).collect();
        self.key_attributes.lock().unwrap().insert(table.to_owned(), names.clone());
        Ok(names)
    }
}
