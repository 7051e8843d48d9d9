//! Holds answers to the published document. Every answer of every test passes here.

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use flate2::read::GzDecoder;
use http::Method;
use jsonschema::Validator;
use serde_json::{Value, json};

use super::reply::Reply;

/// The document as it is committed and served.
const DOCUMENT: &str = include_str!("../../../functions/console/assets/openapi.json");

pub struct Published {
    pub document: Value,
    /// Path → path template. A parameter at the end of a KV path takes the rest of it, and may be missing.
    paths: matchit::Router<String>,
    /// By the schema's text: most answers share one.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// The document, read once.
pub fn published() -> &'static Published {
    static PUBLISHED: OnceLock<Published> = OnceLock::new();
    PUBLISHED.get_or_init(|| {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        let mut paths = matchit::Router::new();
        for template in document["paths"].as_object().unwrap().keys() {
            let Some(start) = template.strip_suffix("{key}") else {
                paths.insert(template, template.clone()).unwrap();
                continue;
            };
            paths.insert(start, template.clone()).unwrap();
            paths.insert(format!("{start}{{*key}}"), template.clone()).unwrap();
        }
        Published { document, paths, validators: Mutex::default() }
    })
}

impl Published {
    /// The operation that a request is for.
    fn operation(&self, method: &Method, path: &str) -> Option<&Value> {
        let template = self.paths.at(path).ok()?.value;
        // RFC 9110 §9.3.2: HEAD is GET without the body.
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let item = self.document["paths"][template].as_object()?;
        item.iter().find(|(name, _)| name.to_uppercase() == method.as_str()).map(|(_, operation)| operation)
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        value["$ref"].as_str().map_or(value, |reference| self.document.pointer(&reference[1..]).unwrap())
    }

    fn validator(&self, schema: &Value) -> Arc<Validator> {
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        let compile = || {
            let schema = json!({"allOf": [schema], "components": self.document["components"]});
            Arc::new(jsonschema::options().should_validate_formats(true).build(&schema).unwrap())
        };
        Arc::clone(validators.entry(schema.to_string()).or_insert_with(compile))
    }

    /// Holds a value to a schema of the document.
    pub fn validate(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let problems: Vec<_> = self
            .validator(schema)
            .iter_errors(value)
            .map(|error| format!("{} {error}", error.instance_path()))
            .collect();
        if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) }
    }
}

/// Holds an answer to the document: its status is one that the operation names, and headers and body are as described.
/// What no operation takes is answered in the shape of failures.
#[track_caller]
pub fn check(method: &Method, path: &str, reply: &Reply) {
    let published = published();
    let place = format!("{method} {path}: {} {}", reply.status, String::from_utf8_lossy(&reply.bytes));
    assert!(reply.header("x-request-id").is_some_and(|id| !id.is_empty()), "no x-request-id: {place}");
    let (status, body) = (reply.status.as_u16(), unpacked(reply));
    let Some(operation) = published.operation(method, path) else {
        if is_json_api(path) {
            let expected = if is_refused(method, path) { matches!(status, 400 | 401 | 404) } else { status == 404 };
            assert!(expected, "{place}");
            let schema = json!({"$ref": "#/components/schemas/ErrorDocument"});
            published.validate(&schema, &reply.json()).unwrap_or_else(|problems| panic!("{problems}: {place}"));
            return;
        }
        assert!(matches!(status, 307 | 400 | 404 | 405), "{place}");
        assert_eq!(reply.header("allow").is_some(), status == 405, "{place}");
        if status >= 400 && method != Method::HEAD {
            failure(published, &body, &place);
        }
        return;
    };
    let response = operation["responses"].get(status.to_string());
    let response = published.resolved(response.unwrap_or_else(|| panic!("an undocumented status: {place}")));
    headers(published, response, reply, &place);
    let Some(content) = response["content"].as_object() else {
        assert!(body.is_empty(), "a body that is not documented: {place}");
        return;
    };
    let media_type = reply.header("content-type").unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default();
    let described = content.get(essence).unwrap_or_else(|| panic!("{media_type} is not documented: {place}"));
    if essence.ends_with("json") && method != Method::HEAD {
        let value = serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{error}: {place}"));
        published.validate(&described["schema"], &value).unwrap_or_else(|problems| panic!("{problems}: {place}"));
        next_cursor(&value, reply, &place);
        if status >= 400 && essence == "application/json" {
            failure(published, &body, &place);
        }
    }
}

/// Whether a request is for what does not exist here and is refused with a reason. Such a route is not described.
pub fn is_refused(method: &Method, path: &str) -> bool {
    let segments: Vec<_> = path.trim_start_matches("/api/v2/").split('/').collect();
    match segments[..] {
        ["organizations", _, "workspaces" | "projects"] | ["organizations", _, "workspaces", _] => true,
        ["organizations", _, "organization-memberships"] => method == Method::POST,
        ["organization-memberships", _] => method == Method::DELETE,
        _ => false,
    }
}

/// Whether a path is one of the function that speaks JSON:API, whose failures have a shape of their own.
pub fn is_json_api(path: &str) -> bool {
    path.starts_with("/api/v2/") || path == "/.well-known/terraform.json"
}

/// `id` is one of the documented words.
fn failure(published: &Published, body: &[u8], place: &str) {
    let schema = published.document.pointer("/components/schemas/ErrorBody").unwrap();
    let value: Value = serde_json::from_slice(body).unwrap_or_else(|error| panic!("{error}: {place}"));
    published.validate(schema, &value).unwrap_or_else(|problems| panic!("{problems}: {place}"));
    let known = schema["properties"]["id"]["x-extensible-enum"].as_array().unwrap();
    assert!(known.contains(&value["id"]), "an undocumented id: {place}");
}

/// Headers that must be there are, and the text of each fits its schema. `link` and `etag` come only where they are
/// documented.
fn headers(published: &Published, response: &Value, reply: &Reply, place: &str) {
    let none = serde_json::Map::new();
    let described = response["headers"].as_object().unwrap_or(&none);
    for (name, header) in described {
        let header = published.resolved(header);
        match reply.header(name) {
            Some(text) => published
                .validate(&header["schema"], &text.into())
                .unwrap_or_else(|problems| panic!("{name}: {problems}: {place}")),
            None => assert_ne!(header["required"], true, "{name} is missing: {place}"),
        }
    }
    for name in ["link", "etag", "retry-after", "ratelimit-limit", "www-authenticate", "location", "allow"] {
        let sent = reply.header(name).is_some();
        assert!(!sent || described.contains_key(name), "{name} is not documented: {place}");
    }
}

/// The cursor in the body of a page is the one in its link.
fn next_cursor(page: &Value, reply: &Reply, place: &str) {
    let Some(link) = reply.header("link") else {
        assert!(page.get("next_cursor").is_none(), "a cursor without a link: {place}");
        return;
    };
    let cursor = page["next_cursor"].as_str().unwrap_or_else(|| panic!("no next_cursor: {place}"));
    assert!(link.contains(&format!("={cursor}")), "{link} does not carry the page's next_cursor: {place}");
}

/// A body as it was before it was packed.
pub fn unpacked(reply: &Reply) -> Vec<u8> {
    if reply.header("content-encoding") != Some("gzip") {
        return reply.bytes.to_vec();
    }
    let mut body = Vec::new();
    GzDecoder::new(&reply.bytes[..]).read_to_end(&mut body).unwrap();
    body
}
