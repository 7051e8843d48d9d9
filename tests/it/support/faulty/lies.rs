//! Answers that are out of date, as the real service may give them and no local engine does.
//!
//! Before a write is forwarded, the items it names are read from the engine and remembered with the time. A stale read
//! puts the remembered item in the place of the current one; a torn read does so for a part of one transaction.
//!
//! What it cannot do: an item that was deleted comes back in `GetItem` and `BatchGetItem`, not in a `Query` or `Scan`;
//! filters are not evaluated again over the old item; projections keep whole top-level attributes; an answer that leaves
//! the key attributes out stays as it is.

use std::collections::HashMap;
use std::io::Result;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::wire::{Engine, Message};

/// What an item was before one of its writes.
#[derive(Debug, Clone)]
struct Image {
    at: Instant,
    /// `None`: it did not exist.
    item: Option<Value>,
    /// Which transaction wrote it, if one did, and as which of its items.
    transaction: Option<(u64, usize)>,
}

/// A table and the values of its key attributes.
type ItemKey = (String, String);

/// The memory that lies are made of.
#[derive(Debug, Default)]
pub(super) struct Images {
    by_key: Mutex<HashMap<ItemKey, Vec<Image>>>,
    key_attributes: Mutex<HashMap<String, Vec<String>>>,
    transactions: Mutex<u64>,
}

impl Images {
    /// Remembers what a write is about to change. To be called before it is forwarded.
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
            images.entry((table, text_of(&attributes, &key))).or_default().push(image);
        }
        Ok(())
    }

    /// Makes an answer stale. Whether anything in it changed.
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

    /// Leaves a part of one transaction's items as they were before it: every other one of those that the answer shows,
    /// beginning with the first or the second as `odd` says, and at least one. Whether anything in it changed.
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
        // A first pass finds the youngest transaction that the answer shows, and the places of its items.
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
            let image = self.image(key, |image| image.transaction.is_some_and(|place| old.contains(&place)))?;
            Some(image.item)
        }))
    }

    fn image(&self, key: &ItemKey, wanted: impl Fn(&Image) -> bool) -> Option<Image> {
        let images = self.by_key.lock().unwrap();
        images.get(key)?.iter().rev().find(|image| wanted(image)).cloned()
    }

    /// Replaces items of an answer: `old` gives what an item is to be instead, `Some(None)` is "absent".
    fn rewrite(
        &self,
        operation: &str,
        body: &Value,
        (answer, consistent_too): (&mut Value, bool),
        mut old: impl FnMut(&ItemKey) -> Option<Option<Value>>,
    ) -> bool {
        let schemas = self.key_attributes.lock().unwrap().clone();
        let mut old_of = |table: &str, item: &Value| {
            let attributes = schemas.get(table)?;
            let key = pick(attributes, item)?;
            old(&(table.to_owned(), text_of(attributes, &key)))
        };
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
                let Some(items) = answer["Items"].as_array_mut() else {
                    return false;
                };
                let changed = replace(items, body, |item| old_of(table, item));
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

/// Replaces items in a list; those that did not exist go. Whether anything changed.
fn replace(items: &mut Vec<Value>, projection: &Value, mut old: impl FnMut(&Value) -> Option<Option<Value>>) -> bool {
    let before = items.clone();
    items.retain_mut(|item| match old(item) {
        None => true,
        Some(None) => false,
        Some(Some(image)) => {
            *item = project(projection, image);
            true
        }
    });
    *items != before
}

/// What of an item the request asked for.
fn project(request: &Value, item: Value) -> Value {
    let Some(projection) = request["ProjectionExpression"].as_str() else {
        return item;
    };
    let names = &request["ExpressionAttributeNames"];
    let wanted: Vec<_> = projection
        .split(',')
        .map(|path| path.trim().split(['.', '[']).next().unwrap_or_default())
        .map(|name| names[name].as_str().unwrap_or(name))
        .collect();
    let Value::Object(mut attributes) = item else {
        return item;
    };
    attributes.retain(|name, _| wanted.contains(&name.as_str()));
    Value::Object(attributes)
}

/// The tables that a read names.
fn tables(operation: &str, body: &Value) -> Vec<String> {
    match operation {
        "BatchGetItem" => {
            body["RequestItems"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
        }
        _ => body["TableName"].as_str().map(str::to_owned).into_iter().collect(),
    }
}

/// The table and the item or key of everything that a request writes.
fn written<'a>(operation: &str, body: &'a Value) -> Vec<(String, &'a Value)> {
    let one = |write: &'a Value| {
        let item = write.get("Item").or_else(|| write.get("Key"))?;
        Some((write["TableName"].as_str()?.to_owned(), item))
    };
    match operation {
        "PutItem" | "UpdateItem" | "DeleteItem" => one(body).into_iter().collect(),
        "TransactWriteItems" => {
            let items = body["TransactItems"].as_array().into_iter().flatten();
            let writes = items.filter_map(|item| ["Put", "Update", "Delete"].iter().find_map(|kind| item.get(kind)));
            writes.filter_map(one).collect()
        }
        "BatchWriteItem" => {
            let tables = body["RequestItems"].as_object().into_iter().flatten();
            let writes = tables.flat_map(|(table, writes)| {
                let writes = writes.as_array().into_iter().flatten();
                writes.map(move |write| (table, write))
            });
            let item = |write: &'a Value| write.pointer("/PutRequest/Item").or(write.pointer("/DeleteRequest/Key"));
            writes.filter_map(|(table, write)| Some((table.clone(), item(write)?))).collect()
        }
        _ => Vec::new(),
    }
}

/// These attributes of an item, if it has them all.
fn pick(attributes: &[String], item: &Value) -> Option<Value> {
    let pairs = attributes.iter().map(|name| Some((name.clone(), item.get(name)?.clone())));
    pairs.collect::<Option<Map<_, _>>>().map(Value::Object)
}

fn text_of(attributes: &[String], key: &Value) -> String {
    let values = attributes.iter().map(|name| key[name].to_string());
    values.collect::<Vec<_>>().join(" ")
}
