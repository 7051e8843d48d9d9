//! Builds an update of the attributes that changed, and of no others.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};

use super::super::item::Item;
use super::super::update::Update;
use crate::domain::Result;

/// The changed attributes of a row, with their new values.
#[derive(Debug, Default)]
pub struct Changes(Vec<(String, AttributeValue)>);

impl Changes {
    pub fn set(&mut self, attribute: impl Into<String>, value: Option<AttributeValue>) {
        self.0.extend(value.map(|value| (attribute.into(), value)));
    }

    pub fn flags(&mut self, prefix: &str, flags: Vec<(&'static str, bool)>) {
        self.0.extend(flags.into_iter().map(|(name, value)| (format!("{prefix}{name}"), AttributeValue::Bool(value))));
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Updates an existing row. `name` is its current name; give it if the update changes the name.
    pub fn update(self, table: &str, key: Item, name: Option<AttributeValue>) -> Result<TransactWriteItem> {
        let assignments: Vec<_> = (0..self.0.len()).map(|number| format!("#a{number} = :a{number}")).collect();
        let mut update = Update::new(table, key, format!("SET {}", assignments.join(", ")));
        for (number, (attribute, value)) in self.0.into_iter().enumerate() {
            update = update.name(format!("#a{number}"), attribute).values([(format!(":a{number}"), value)]);
        }
        let update = match name {
            None => update.condition("attribute_exists(pk)"),
            Some(name) => update.condition("#name = :name").values([(":name", name)]),
        };
        update.in_transaction()
    }
}
