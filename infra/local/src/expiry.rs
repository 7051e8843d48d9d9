//! Deletes expired items, as AWS does by itself.

use std::time::Duration;

use serde_json::{Value, json};
use terrapi::runtime::{Clock as _, SystemClock};

use crate::embedded::EmbeddedEngine;
use crate::error::{Error, Result};
use crate::side::SideConnection;
use crate::template::{Table, Template};

/// The interval at which expired items are deleted. AWS may take days, so readers must not rely on either.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);
/// How many items are looked up together.
const PAGE: usize = 100;

/// Deletes expired items every minute, forever.
pub async fn sweep_expired(engine: EmbeddedEngine, template: &'static Template) {
    loop {
        let engine = engine.clone();
        match tokio::task::spawn_blocking(move || sweep(&engine, template, SystemClock.now().seconds().0)).await {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => tracing::warn!(%reason, "expired items could not be deleted"),
            Err(reason) => tracing::warn!(%reason, "the deletion of expired items panicked"),
        }
        tokio::time::sleep(SWEEP_INTERVAL).await;
    }
}

/// Deletes the items that expired before `now`, in epoch seconds.
///
/// # Errors
/// [`Error::Engine`].
pub fn sweep(engine: &EmbeddedEngine, template: &Template, now: i64) -> Result<()> {
    let Some(side) = engine.side() else {
        engine.database().sweep_ttl()?;
        return Ok(());
    };
    template.tables.iter().try_for_each(|table| sweep_table(engine, side, table, now))
}

fn sweep_table(engine: &EmbeddedEngine, side: &SideConnection, table: &Table, now: i64) -> Result<()> {
    let Some(attribute) = &table.ttl_attribute else { return Ok(()) };
    loop {
        let items = side.expired(table, now, PAGE)?;
        for item in &items {
            let item: Value = serde_json::from_str(item).map_err(|error| Error::Engine(error.to_string()))?;
            let keys = std::iter::once(&table.partition_key).chain(&table.sort_key);
            let key: Value = keys.filter_map(|key| Some((key.name.clone(), item.get(&key.name)?.clone()))).collect();
            // Unless it was written again meanwhile.
            let request = json!({
                "TableName": table.name, "Key": key, "ConditionExpression": "#expiry < :now",
                "ExpressionAttributeNames": {"#expiry": attribute},
                "ExpressionAttributeValues": {":now": {"N": now.to_string()}},
            });
            let request = serde_json::from_value(request).map_err(|error| Error::Engine(error.to_string()))?;
            match engine.call(|database| database.delete_item(request), std::result::Result::is_ok) {
                Ok(_) | Err(dynoxide::DynoxideError::ConditionalCheckFailedException(..)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if items.len() < PAGE {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expired_items_alone_are_deleted_and_appear_in_the_stream() {
        let folder = std::env::temp_dir().join(format!("terrapi-expiry-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (engine, template) = (EmbeddedEngine::open(&folder).unwrap(), Template::project().unwrap());
        engine.create_tables(template).unwrap();
        let put = |key: &str, expiry: Option<i64>| {
            let mut item = json!({"pk": {"S": key}, "sk": {"B": "AA=="}, "entity": {"S": "record"}});
            if let Some(expiry) = expiry {
                item["ttl"] = json!({"N": expiry.to_string()});
            }
            let request = serde_json::from_value(json!({"TableName": "terrapi-kv", "Item": item})).unwrap();
            engine.database().put_item(request).unwrap();
        };
        for number in 0..150 {
            put(&format!("expired-{number}"), Some(999));
        }
        put("later", Some(1_000));
        put("never", None);
        let records = || engine.side().unwrap().count_stream_records("terrapi-kv").unwrap();
        assert_eq!(records(), 152);
        sweep(&engine, template, 1_000).unwrap();
        let scan = serde_json::from_value(json!({"TableName": "terrapi-kv"})).unwrap();
        assert_eq!(engine.database().scan(scan).unwrap().count, 2);
        assert_eq!(records(), 302);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
