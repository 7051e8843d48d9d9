//! Items, keys and table names in the requests and answers of the DynamoDB operations.

use serde_json::{Map, Value};

/// Replaces items in a list and removes those whose replacement is absent. Returns whether anything changed.
pub(super) fn replace(
    items: &mut Vec<Value>,
    projection: &Value,
    mut old: impl FnMut(&Value) -> Option<Option<Value>>,
) -> bool {
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

/// The projection of an item that the request asked for.
pub(super) fn project(request: &Value, item: Value) -> Value {
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
pub(super) fn tables(operation: &str, body: &Value) -> Vec<String> {
    match operation {
        "BatchGetItem" => {
            body["RequestItems"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
        }
        _ => body["TableName"].as_str().map(str::to_owned).into_iter().collect(),
    }
}

/// The table and the item or key of every write in a request.
pub(super) fn written<'a>(operation: &str, body: &'a Value) -> Vec<(String, &'a Value)> {
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

/// The given attributes of an item, or `None` if one is missing.
pub(super) fn pick(attributes: &[String], item: &Value) -> Option<Value> {
    let pairs = attributes.iter().map(|name| Some((name.clone(), item.get(name)?.clone())));
    pairs.collect::<Option<Map<_, _>>>().map(Value::Object)
}

pub(super) fn text_of(attributes: &[String], key: &Value) -> String {
    let values = attributes.iter().map(|name| key[name].to_string());
    values.collect::<Vec<_>>().join(" ")
}
