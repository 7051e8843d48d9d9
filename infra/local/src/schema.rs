//! The template's tables in the engine's own words.

use dynoxide::{
    actions::update_table::{CreateGsiAction, GlobalSecondaryIndexUpdate},
    storage::TableMetadata,
    types::{
        AttributeDefinition, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
        ScalarAttributeType,
    },
};

use crate::template::{KeyAttribute, Table};

/// The table's own key.
pub fn key_schema(table: &Table) -> Vec<KeySchemaElement> {
    schema(&table.partition_key, table.sort_key.as_ref())
}

/// The attributes of the table's key and of its indexes, each once.
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

/// The table's indexes; none when it has none, which the engine tells apart from an empty list.
pub fn indexes(table: &Table) -> Option<Vec<GlobalSecondaryIndex>> {
    let index = |index: &crate::template::Index| GlobalSecondaryIndex {
        index_name: index.name.clone(),
        key_schema: schema(&index.partition_key, index.sort_key.as_ref()),
        projection: Projection { projection_type: Some(ProjectionType::ALL), ..Projection::default() },
        provisioned_throughput: None,
    };
    (!table.indexes.is_empty()).then(|| table.indexes.iter().map(index).collect())
}

/// What an earlier table lacks; none when its key, or an index it shares with the template's, is another.
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
