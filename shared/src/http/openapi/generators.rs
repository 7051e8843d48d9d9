//! Rewrites a description so that client generators produce code that compiles and reads well.
//!
//! utoipa names a generic type after its parameters (`Document_TeamResource`), repeats the schema of such a parameter
//! in place, writes an optional body as a union with `null`, and a constant as an enumeration of one value. Generators
//! turn these into odd names, duplicate types and colliding constants. OpenAPI cannot say which bearer credential a
//! route takes in a way that they understand, so they get one bearer scheme, and the operation's text says which one it
//! wants.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

const COMPONENT: &str = "#/components/schemas/";
/// The names by which handlers say which bearer credential they take. In the document, all are `bearer`.
const BEARERS: [&str; 2] = ["api_key", "team_token"];

/// Rewrites a whole document.
pub(super) fn simplify(document: &mut Value) {
    let names = rename_components(document);
    for_each_object(document, &mut |object| {
        rename_reference(object, &names);
        replace_constant(object);
    });
    for (_, operation) in super::operations(document) {
        make_optional_body_plain(operation);
        merge_bearer_schemes(operation);
    }
}

/// Gives each component the name that a person would choose. Returns the new name of each renamed component.
fn rename_components(document: &mut Value) -> BTreeMap<String, String> {
    let Some(Value::Object(schemas)) = document.pointer_mut("/components/schemas") else { return BTreeMap::new() };
    let mut names = BTreeMap::new();
    for (name, schema) in std::mem::take(schemas) {
        // `TeamResource` is another name for `Resource_TeamAttributes_TeamRelationships`: only the first one stays.
        if let Some(target) =
            schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix(COMPONENT))
        {
            names.insert(target.to_owned(), name);
            continue;
        }
        if let Some(new) = document_name(&name) {
            names.insert(name.clone(), new);
        }
        schemas.insert(name, schema);
    }
    for (old, new) in &names {
        if let Some(mut schema) = schemas.remove(old) {
            refer_to_content(&mut schema, old, schemas);
            schemas.insert(new.clone(), schema);
        }
    }
    schemas.sort_keys();
    names
}

/// `Document_TeamResource` becomes `TeamDocument`, `ListDocument_TeamResource` becomes `TeamList`, and
/// `Compound_Document_TeamResource` becomes `TeamCompoundDocument`.
fn document_name(name: &str) -> Option<String> {
    let (compound, name) = name.strip_prefix("Compound_").map_or(("", name), |name| ("Compound", name));
    let (kind, content) = name.split_once('_')?;
    let content = content.strip_suffix("Resource").unwrap_or(content);
    match kind {
        "Document" => Some(format!("{content}{compound}Document")),
        "ListDocument" => Some(format!("{content}{compound}List")),
        _ => None,
    }
}

/// A document whose content is a component refers to it instead of repeating it.
fn refer_to_content(schema: &mut Value, name: &str, schemas: &Map<String, Value>) {
    let Some(content) = name.strip_prefix("Document_").filter(|content| schemas.contains_key(*content)) else { return };
    if let Some(data) = schema.pointer_mut("/properties/data") {
        *data = json!({"$ref": format!("{COMPONENT}{content}")});
    }
}

fn rename_reference(object: &mut Map<String, Value>, names: &BTreeMap<String, String>) {
    let Some(Value::String(reference)) = object.get_mut("$ref") else { return };
    if let Some(new) = reference.strip_prefix(COMPONENT).and_then(|name| names.get(name)) {
        *reference = format!("{COMPONENT}{new}");
    }
}

/// `{"enum": ["vcs"]}` becomes `{"pattern": "^vcs$"}`: oapi-codegen would declare a constant `Vcs` beside the type
/// `Vcs`.
fn replace_constant(object: &mut Map<String, Value>) {
    let Some([Value::String(constant)]) = object.get("enum").and_then(Value::as_array).map(Vec::as_slice) else {
        return;
    };
    let pattern = format!("^{constant}$");
    object.remove("enum");
    object.insert("pattern".into(), pattern.into());
}

/// Describes an optional body by the schema of a body that is sent.
fn make_optional_body_plain(operation: &mut Value) {
    let contents = operation.pointer_mut("/requestBody/content").and_then(Value::as_object_mut);
    for schema in contents.into_iter().flatten().filter_map(|(_, content)| content.get_mut("schema")) {
        let Some(choices) = schema.get("oneOf").and_then(Value::as_array) else { continue };
        if let [body, null] = choices.as_slice()
            && *null == json!({"type": "null"})
        {
            *schema = body.clone();
        }
    }
}

/// An operation that accepts an access token also accepts a session. One for API keys or team tokens does not.
fn merge_bearer_schemes(operation: &mut Value) {
    let Some(Value::Array(named)) = operation.get_mut("security") else { return };
    let session = named.contains(&json!({"bearer": []}));
    let bearer =
        named.iter().any(|scheme| scheme.get("bearer").is_some() || BEARERS.iter().any(|it| scheme.get(it).is_some()));
    named.clear();
    named.extend(bearer.then(|| json!({"bearer": []})));
    named.extend(session.then(|| json!({"session": []})));
}

fn for_each_object(value: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            change(object);
            object.values_mut().for_each(|member| for_each_object(member, change));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| for_each_object(item, change)),
        _ => {}
    }
}
