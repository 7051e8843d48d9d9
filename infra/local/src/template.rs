//! `template.yaml` as types: tables, HTTP routes, event sources and timers.
//!
//! Reads only what the local stack and the tests need. The tags (`!Ref`, `!GetAtt`) occur in members that are skipped.

use std::{collections::BTreeMap, sync::OnceLock, time::Duration};

use serde::{Deserialize, de::DeserializeOwned};
use yaml_serde::Value;

use crate::{
    error::{Error, Result},
    pattern::Pattern,
};

/// The template at compile time, so that reading it needs no file and no working directory.
const SOURCE: &str = include_str!("../../../template.yaml");

#[derive(Debug, Clone, Default)]
pub struct Template {
    /// The tables, by logical id.
    pub tables: Vec<Table>,
    /// The HTTP routes, by function and event name.
    pub routes: Vec<Route>,
    /// The functions that are called on this machine, by a route or an event.
    pub functions: Vec<String>,
    /// The functions that nothing on this machine calls.
    pub uncalled: Vec<String>,
    /// The event sources that read a table's stream.
    pub streams: Vec<StreamSource>,
    /// The events at regular intervals.
    pub timers: Vec<Timer>,
    /// The defaults of the parameters, by their names.
    pub parameters: BTreeMap<String, String>,
    /// The defaults of the variables that functions get from a parameter, by the variables' names.
    pub variables: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The logical id, for example `KvTable`.
    pub logical_id: String,
    /// The logical id in lower case without `Table`, for example `kv`.
    pub role: String,
    /// The name on this machine, for example `terrapi-kv`. AWS generates another one.
    pub name: String,
    pub partition_key: KeyAttribute,
    pub sort_key: Option<KeyAttribute>,
    /// The global secondary indexes. Each contains whole items.
    pub indexes: Vec<Index>,
    /// The attribute with the time at which an item expires, in epoch seconds.
    pub ttl_attribute: Option<String>,
    /// The contents of the stream, for example `NEW_AND_OLD_IMAGES`. `None` without a stream.
    pub stream_view_type: Option<String>,
}

impl Table {
    /// The variable that tells a function the table's name, for example `TERRAPI_KV_TABLE`.
    pub fn variable(&self) -> String {
        format!("TERRAPI_{}_TABLE", self.role.to_ascii_uppercase())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    pub name: String,
    pub partition_key: KeyAttribute,
    pub sort_key: Option<KeyAttribute>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyAttribute {
    pub name: String,
    /// `S`, `N` or `B`.
    pub kind: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The crate and binary of the function, for example `kv-store`.
    pub function: String,
    /// The path in the gateway's syntax: `{name}` is one segment, `{name+}` the rest, and `$default` every path without
    /// another route.
    pub path: String,
    /// The method. `ANY` if the function's router decides.
    pub method: String,
}

/// A subscription of a function to a table's stream.
#[derive(Debug, Clone)]
pub struct StreamSource {
    /// The function, for example `worker`.
    pub function: String,
    /// The table's name on this machine.
    pub table: String,
    /// A change is delivered if it matches at least one filter, or if there are no filters.
    pub filters: Vec<Pattern>,
    /// How many times a failing batch is retried before it is given up.
    pub maximum_retry_attempts: u32,
    /// The maximum number of records in one event.
    pub batch_size: usize,
}

/// A function that is called at regular intervals.
#[derive(Debug, Clone)]
pub struct Timer {
    /// The function, for example `worker`.
    pub function: String,
    /// The interval between two calls.
    pub period: Duration,
    /// The payload of a call, as JSON text.
    pub input: String,
}

impl Template {
    /// The project's template, parsed once.
    ///
    /// # Errors
    /// [`Error::Template`] if a table, route or event source lacks a required member.
    pub fn project() -> Result<&'static Self> {
        static PARSED: OnceLock<std::result::Result<Template, String>> = OnceLock::new();
        PARSED
            .get_or_init(|| {
                Self::parse(SOURCE).map_err(|error| match error {
                    Error::Template(text) => text,
                    other => other.to_string(),
                })
            })
            .as_ref()
            .map_err(|text| Error::Template(text.clone()))
    }

    /// Parses the text of a template.
    ///
    /// # Errors
    /// As [`Self::project`].
    pub fn parse(text: &str) -> Result<Self> {
        let document: Document = yaml_serde::from_str(text).map_err(|error| Error::Template(error.to_string()))?;
        let mut template = Self::default();
        let defaults = document.parameters.into_iter();
        template.parameters =
            defaults.filter_map(|(name, parameter)| Some((name, default_text(&parameter.default)?))).collect();
        template.add_variables(document.globals.function.environment.variables);
        for (logical_id, resource) in document.resources {
            match resource.kind.as_str() {
                "AWS::DynamoDB::Table" => template.tables.push(table(logical_id, resource.properties)?),
                "AWS::Serverless::Function" => template.add_function(&logical_id, resource.properties)?,
                _ => {}
            }
        }
        Ok(template)
    }

    /// Remembers the defaults of variables that are set to a parameter.
    fn add_variables(&mut self, variables: BTreeMap<String, Value>) {
        for (name, value) in variables {
            let Value::Tagged(tagged) = value else { continue };
            let default = tagged.value.as_str().and_then(|parameter| self.parameters.get(parameter));
            if let Some(default) = default.filter(|default| tagged.tag == "Ref" && !default.is_empty()) {
                self.variables.insert(name, default.clone());
            }
        }
    }

    /// The table with this role, for example `kv`.
    pub fn table(&self, role: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.role == role)
    }

    fn add_function(&mut self, logical_id: &str, properties: Value) -> Result<()> {
        let properties: FunctionProperties = read(logical_id, properties)?;
        self.add_variables(properties.environment.variables);
        let Some(function) = properties.code_uri.strip_prefix("functions/").map(str::to_owned) else {
            return Err(Error::Template(format!("{logical_id}: CodeUri is not functions/<name>")));
        };
        if properties.events.is_empty() {
            self.uncalled.push(function);
            return Ok(());
        }
        for (event_id, event) in properties.events {
            let location = format!("{logical_id}.{event_id}");
            match event.kind.as_str() {
                "HttpApi" => {
                    let HttpProperties { path, method } = read(&location, event.properties)?;
                    self.routes.push(Route { function: function.clone(), path, method });
                }
                "DynamoDB" => {
                    let properties: StreamProperties = read(&location, event.properties)?;
                    self.streams.push(stream_source(&location, &function, properties)?);
                }
                "Schedule" => {
                    let TimerProperties { schedule, input } = read(&location, event.properties)?;
                    let period = period(&schedule)
                        .ok_or_else(|| Error::Template(format!("{location}: Schedule is not rate(<n> minutes)")))?;
                    self.timers.push(Timer { function: function.clone(), period, input });
                }
                other => return Err(Error::Template(format!("{location}: events of type {other} do not run locally"))),
            }
        }
        self.functions.push(function);
        Ok(())
    }
}

fn table(logical_id: String, properties: Value) -> Result<Table> {
    let properties: TableProperties = read(&logical_id, properties)?;
    let key = |schema: &[KeyElement], role: &str| {
        let element = schema.iter().find(|element| element.key_type == role)?;
        let kind = properties.attributes.iter().find(|attribute| attribute.name == element.name)?.kind.clone();
        Some(KeyAttribute { name: element.name.clone(), kind })
    };
    let partition_key = |schema: &[KeyElement], name: &str| {
        key(schema, "HASH").ok_or_else(|| Error::Template(format!("{name} has no partition key")))
    };
    let index = |index: &IndexProperties| {
        if index.projection.kind != "ALL" {
            return Err(Error::Template(format!("{}: an index of part of the items does not run locally", index.name)));
        }
        Ok(Index {
            name: index.name.clone(),
            partition_key: partition_key(&index.key_schema, &index.name)?,
            sort_key: key(&index.key_schema, "RANGE"),
        })
    };
    Ok(Table {
        role: role(&logical_id),
        name: local_name(&logical_id),
        partition_key: partition_key(&properties.key_schema, &logical_id)?,
        sort_key: key(&properties.key_schema, "RANGE"),
        indexes: properties.indexes.iter().map(index).collect::<Result<_>>()?,
        ttl_attribute: properties.ttl.filter(|ttl| ttl.enabled).map(|ttl| ttl.attribute),
        stream_view_type: properties.stream.map(|stream| stream.view_type),
        logical_id,
    })
}

fn stream_source(location: &str, function: &str, properties: StreamProperties) -> Result<StreamSource> {
    // `!GetAtt KvTable.StreamArn`
    let table = match &properties.stream {
        Value::Tagged(tagged) => tagged.value.as_str(),
        other => other.as_str(),
    }
    .and_then(|text| text.strip_suffix(".StreamArn"))
    .map(local_name)
    .ok_or_else(|| Error::Template(format!("{location}: Stream is not !GetAtt <table>.StreamArn")))?;
    let filters = properties
        .criteria
        .map_or_else(Vec::new, |criteria| criteria.filters)
        .iter()
        .map(|filter| {
            Pattern::parse(&filter.pattern).map_err(|reason| Error::Template(format!("{location}: {reason}")))
        })
        .collect::<Result<_>>()?;
    Ok(StreamSource {
        function: function.to_owned(),
        table,
        filters,
        maximum_retry_attempts: properties.maximum_retry_attempts,
        batch_size: properties.batch_size,
    })
}

/// `rate(5 minutes)`
fn period(schedule: &str) -> Option<Duration> {
    let minutes = schedule.strip_prefix("rate(")?.strip_suffix(" minutes)")?;
    minutes.parse().ok().map(Duration::from_mins)
}

fn role(logical_id: &str) -> String {
    logical_id.strip_suffix("Table").unwrap_or(logical_id).to_ascii_lowercase()
}

/// A table's name needs at least three characters, so the role alone would not be valid.
fn local_name(logical_id: &str) -> String {
    format!("terrapi-{}", role(logical_id))
}

/// A parameter's default, which may be written as text or as a number.
fn default_text(default: &Value) -> Option<String> {
    match default {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn read<T: DeserializeOwned>(location: &str, properties: Value) -> Result<T> {
    yaml_serde::from_value(properties).map_err(|error| Error::Template(format!("{location}: {error}")))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    resources: BTreeMap<String, Resource>,
    #[serde(default)]
    parameters: BTreeMap<String, Parameter>,
    #[serde(default)]
    globals: Globals,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    #[serde(default)]
    default: Value,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Globals {
    function: GlobalFunction,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct GlobalFunction {
    environment: Environment,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Environment {
    variables: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(rename = "Type")]
    kind: String,
    #[serde(rename = "Properties", default)]
    properties: Value,
}

#[derive(Deserialize)]
struct FunctionProperties {
    #[serde(rename = "CodeUri")]
    code_uri: String,
    #[serde(rename = "Events", default)]
    events: BTreeMap<String, Resource>,
    #[serde(rename = "Environment", default)]
    environment: Environment,
}

#[derive(Deserialize)]
struct HttpProperties {
    #[serde(rename = "Path")]
    path: String,
    #[serde(rename = "Method")]
    method: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StreamProperties {
    stream: Value,
    #[serde(rename = "FilterCriteria")]
    criteria: Option<FilterCriteria>,
    maximum_retry_attempts: u32,
    batch_size: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FilterCriteria {
    filters: Vec<Filter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    pattern: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TimerProperties {
    schedule: String,
    input: String,
}

#[derive(Deserialize)]
struct TableProperties {
    #[serde(rename = "KeySchema")]
    key_schema: Vec<KeyElement>,
    #[serde(rename = "AttributeDefinitions")]
    attributes: Vec<Attribute>,
    #[serde(rename = "GlobalSecondaryIndexes", default)]
    indexes: Vec<IndexProperties>,
    #[serde(rename = "TimeToLiveSpecification")]
    ttl: Option<TimeToLive>,
    #[serde(rename = "StreamSpecification")]
    stream: Option<Stream>,
}

#[derive(Deserialize)]
struct IndexProperties {
    #[serde(rename = "IndexName")]
    name: String,
    #[serde(rename = "KeySchema")]
    key_schema: Vec<KeyElement>,
    #[serde(rename = "Projection")]
    projection: Projection,
}

#[derive(Deserialize)]
struct Projection {
    #[serde(rename = "ProjectionType")]
    kind: String,
}

#[derive(Deserialize)]
struct KeyElement {
    #[serde(rename = "AttributeName")]
    name: String,
    #[serde(rename = "KeyType")]
    key_type: String,
}

#[derive(Deserialize)]
struct Attribute {
    #[serde(rename = "AttributeName")]
    name: String,
    #[serde(rename = "AttributeType")]
    kind: String,
}

#[derive(Deserialize)]
struct TimeToLive {
    #[serde(rename = "AttributeName")]
    attribute: String,
    #[serde(rename = "Enabled")]
    enabled: bool,
}

#[derive(Deserialize)]
struct Stream {
    #[serde(rename = "StreamViewType")]
    view_type: String,
}

#[cfg(test)]
mod tests;
