//! Converts the template's tables into the types of the engine.

use dynoxide::{
    actions::update_table::{CreateGsiAction, GlobalSecondaryIndexUpdate},
    storage::TableMetadata,
    types::{
        AttributeDefinition, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
        ScalarAttributeType,
    },
};

use crate::template::{KeyAttribute, Table};

/// The key of the table.
pub fn key_schema(table: &Table) -> Vec<KeySchemaElement> {
    schema(&table.partition_key, table.sort_key.as_ref())
}

/// The attributes of the keys of the table and its indexes, without duplicates.
pub fn attributes(table: &Table) -> Vec<AttributeDefinition> {
    let indexes = table.indexes.iter().flat_map(|index| std::iter::once(&index.partition_key).chain(&index.sort_key));
    let mut attributes: Vec<AttributeDefinition> = Vec::new();
    for key in std::iter::once(&table.partition_key).chain(&table.sort_key).chain(indexes) {
        if attributes.iter().all(|known| known.attribute_name != key.name) {
            attributes.push(attribute(key));
        }
    }
    attributes
}

/// The indexes of the table. `None` if it has none, because the engine does not accept an empty list.
pub fn indexes(table: &Table) -> Option<Vec<GlobalSecondaryIndex>> {
    let index = |index: &crate::template::Index| GlobalSecondaryIndex {
        index_name: index.name.clone(),
        key_schema: schema(&index.partition_key, index.sort_key.as_ref()),
        projection: Projection { projection_type: Some(ProjectionType::ALL), ..Projection::default() },
        provisioned_throughput: None,
    };
    (!table.indexes.is_empty()).then(|| table.indexes.iter().map(index).collect())
}

/// The indexes that an existing table lacks. `None` if its key, or an index with the same name, differs from the
/// template.
pub fn missing_indexes(existing: &TableMetadata, table: &Table) -> Option<Vec<GlobalSecondaryIndexUpdate>> {
    let known: Vec<AttributeDefinition> = serde_json::from_str(&existing.attribute_definitions).ok()?;
    let of_key = std::iter::once(&table.partition_key).chain(&table.sort_key).map(attribute);
    let same_key = serde_json::from_str(&existing.key_schema).ok() == Some(key_schema(table))
        && of_key.into_iter().all(|attribute| known.contains(&attribute));
    let built = existing.gsi_definitions.as_deref().map_or(Some(Vec::new()), |text| serde_json::from_str(text).ok());
    let built: Vec<GlobalSecondaryIndex> = built.filter(|_| same_key)?;
    let mut missing = Vec::new();
    for index in indexes(table).into_iter().flatten() {
        let GlobalSecondaryIndex { index_name, key_schema, projection, .. } = index;
        match built.iter().find(|known| known.index_name == index_name) {
            Some(known) if known.key_schema == key_schema => {}
            Some(_) => return None,
            None => missing.push(GlobalSecondaryIndexUpdate {
                create: Some(CreateGsiAction { index_name, key_schema, projection }),
                ..GlobalSecondaryIndexUpdate::default()
            }),
        }
    }
    Some(missing)
}

fn schema(partition: &KeyAttribute, sort: Option<&KeyAttribute>) -> Vec<KeySchemaElement> {
    let element = |key: &KeyAttribute, key_type| KeySchemaElement { attribute_name: key.name.clone(), key_type };
    let sort = sort.map(|key| element(key, KeyType::RANGE));
    std::iter::once(element(partition, KeyType::HASH)).chain(sort).collect()
}

fn attribute(key: &KeyAttribute) -> AttributeDefinition {
    AttributeDefinition {
        attribute_name: key.name.clone(),
        attribute_type: match key.kind.as_str() {
            "B" => ScalarAttributeType::B,
            "N" => ScalarAttributeType::N,
            _ => ScalarAttributeType::S,
        },
    }
}
