//! Builds an update of the attributes that changed, and of no others.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};

use super::super::item::Item;
use super::super::transaction::malformed;
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
        let mut update = Update::builder().table_name(table).set_key(Some(key));
        let mut assignments = Vec::new();
        for (number, (attribute, value)) in self.0.into_iter().enumerate() {
            assignments.push(format!("#a{number} = :a{number}"));
            update = update.expression_attribute_names(format!("#a{number}"), attribute);
            update = update.expression_attribute_values(format!(":a{number}"), value);
        }
        let update = update.update_expression(format!("SET {}", assignments.join(", ")));
        let update = match name {
            None => update.condition_expression("attribute_exists(pk)"),
            Some(name) => {
                let update = update.condition_expression("#name = :name").expression_attribute_names("#name", "name");
                update.expression_attribute_values(":name", name)
            }
        };
        Ok(TransactWriteItem::builder().update(update.build().map_err(malformed)?).build())
    }
}
