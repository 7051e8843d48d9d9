//! Combines the descriptions of routes into OpenAPI documents.
//!
//! Handlers do not repeat what all operations share, such as the shape of failures and the headers of every answer.
//! [`whole_document`] replaces `4XX` and `5XX` by the failures that the operation can have, and `bearer` by every
//! credential that is accepted: a session is accepted where a token is. An operation with a credential can answer 429;
//! one without names 429 itself if it is charged to the network. At the end, what client generators cannot handle is
//! rewritten.

mod generators;
mod path;

use std::collections::HashSet;

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

use super::routes::{Described, Routes};
use crate::domain::Code;

/// The rate limit headers, with the name of the shared description of each.
const RATE_FIELDS: [(&str, &str); 3] =
    [("ratelimit-limit", "RateLimit"), ("ratelimit-remaining", "RateRemaining"), ("ratelimit-reset", "RateReset")];

/// The document of a function's routes. A wildcard is written as OpenAPI requires: `{key}`.
pub fn document(routes: Routes<Described>) -> OpenApi {
    let mut document = routes.into_parts().1.into_openapi();
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths.into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
    document
}

/// One document of the routes of several functions.
///
/// `frame` contains what handlers do not describe: title, tags, security schemes, and the shared failures and headers
/// by name. The `4XX` and `5XX` of an operation are replaced by the shared failures that it can have.
pub fn whole_document(frame: Value, documents: impl IntoIterator<Item = OpenApi>) -> Result<Value, serde_json::Error> {
    let mut whole = frame;
    for document in documents {
        let mut document = serde_json::to_value(document)?;
        for place in ["/paths", "/components/schemas"] {
            let Some(Value::Object(members)) = document.pointer_mut(place).map(Value::take) else { continue };
            if let Some(Value::Object(known)) = whole.pointer_mut(place) {
                known.extend(members);
            }
        }
    }
    if let Some(Value::Object(id)) = whole.pointer_mut("/components/schemas/ErrorBody/properties/id") {
        id.insert("x-extensible-enum".into(), Code::ALL.iter().map(|code| code.as_str()).collect());
    }
    let pages = pages(&whole);
    for (path, operation) in operations(&mut whole) {
        path::describe(path, operation);
        add_link(operation, &pages);
        let failures = if speaks_json_api(operation) { json_api_failures(operation) } else { failures(operation) };
        let limited = limited(operation);
        if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
            responses.retain(|status, _| !status.ends_with("XX"));
            responses.extend(failures);
            responses.values_mut().for_each(|response| complete(response, limited));
        }
    }
    generators::simplify(&mut whole);
    Ok(whole)
}

/// References to the schemas of pages.
fn pages(document: &Value) -> HashSet<String> {
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object).into_iter().flatten();
    let pages = schemas.filter(|(_, schema)| schema.pointer("/properties/next_cursor").is_some());
    pages.map(|(name, _)| format!("#/components/schemas/{name}")).collect()
}

/// Describes the header of a page.
fn add_link(operation: &mut Value, pages: &HashSet<String>) {
    let schema = operation.pointer("/responses/200/content/application~1json/schema/$ref").and_then(Value::as_str);
    if schema.is_some_and(|schema| pages.contains(schema)) {
        let description = "RFC 8288: `<…>; rel=\"next\"`. Absent on the last page.";
        let link = json!({"link": {"description": description, "schema": {"type": "string"}}});
        if let Some(response) = operation.pointer_mut("/responses/200").and_then(Value::as_object_mut) {
            response.insert("headers".to_owned(), link);
        }
    }
}

/// Every operation of a document, with its path.
fn operations(document: &mut Value) -> impl Iterator<Item = (&str, &mut Value)> {
    let items = document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten();
    let items = items.filter_map(|(path, item)| Some((path.as_str(), item.as_object_mut()?)));
    items.flat_map(|(path, item)| item.values_mut().map(move |operation| (path, operation)))
}

/// Whether its requests count against a rate limit.
fn limited(operation: &Value) -> bool {
    operation.get("security").is_some() || operation["responses"].get("429").is_some()
}

/// Whether an operation's failures are JSON:API documents.
fn speaks_json_api(operation: &Value) -> bool {
    let schema = operation.pointer("/responses/4XX/content/application~1json/schema/$ref");
    schema.and_then(Value::as_str).is_some_and(|schema| schema.ends_with("/ErrorDocument"))
}

/// As [`failures`], for JSON:API operations: they answer 401 and 404 where others answer 403.
fn json_api_failures(operation: &Value) -> Map<String, Value> {
    let body = operation.get("requestBody").is_some();
    let table = [
        ("400", "JsonApiBadRequest", body || has_parameters(operation, "query")),
        ("401", "JsonApiUnauthorized", true),
        ("404", "JsonApiNotFound", true),
        ("413", "JsonApiTooLarge", body),
        ("415", "JsonApiUnsupportedMediaType", body),
        ("422", "JsonApiInvalidAttribute", body),
        ("429", "JsonApiTooManyRequests", true),
        ("500", "JsonApiInternal", true),
        ("503", "JsonApiUnavailable", true),
    ];
    shared_answers(operation, table)
}

fn has_parameters(operation: &Value, place: &str) -> bool {
    let all = operation["parameters"].as_array().into_iter().flatten();
    all.filter(|parameter| parameter["in"] == place).count() > 0
}

/// The statuses that replace an operation's `4XX` and `5XX`, with the shared answer of each.
fn failures(operation: &Value) -> Map<String, Value> {
    let responses = &operation["responses"];
    let parameters = |place: &str| has_parameters(operation, place);
    let body = operation.get("requestBody").is_some();
    let (refused, failed) = (responses.get("4XX").is_some(), responses.get("5XX").is_some());
    let table = [
        ("400", "BadRequest", refused && (body || parameters("query") || parameters("path"))),
        ("403", "Forbidden", refused && operation.get("security").is_some()),
        ("404", "NotFound", refused && parameters("path")),
        ("413", "TooLarge", refused && body),
        ("415", "UnsupportedMediaType", refused && body),
        ("429", "TooManyRequests", refused && limited(operation)),
        ("500", "Internal", failed),
        ("503", "Unavailable", failed),
    ];
    shared_answers(operation, table)
}

/// The rows that apply, of a table of (status, shared answer, whether it applies), without those that the operation
/// describes itself.
fn shared_answers<'a>(
    operation: &Value,
    table: impl IntoIterator<Item = (&'a str, &'a str, bool)>,
) -> Map<String, Value> {
    let responses = &operation["responses"];
    let unsaid = |status: &str| status == "429" || responses.get(status).is_none();
    let given = table.into_iter().filter(|(status, _, given)| *given && unsaid(status));
    given
        .map(|(status, name, _)| (status.to_owned(), json!({"$ref": format!("#/components/responses/{name}")})))
        .collect()
}

/// Adds a description and the request id to every answer, and the rate limit headers to those of limited operations.
fn complete(response: &mut Value, limited: bool) {
    let Some(members) = response.as_object_mut().filter(|members| !members.contains_key("$ref")) else { return };
    members.entry("description").or_insert_with(|| "Done".into());
    let headers = members.entry("headers").or_insert_with(|| json!({}));
    if let Some(headers) = headers.as_object_mut() {
        headers.insert("x-request-id".into(), json!({"$ref": "#/components/headers/RequestId"}));
        for (name, header) in RATE_FIELDS.iter().filter(|_| limited) {
            headers.insert((*name).into(), json!({"$ref": format!("#/components/headers/{header}")}));
        }
    }
}
