//! The API has every operation and member of the published reference, so that clients written for it work.

use http::Method;
use serde_json::Value;

use crate::support::openapi::published;

/// An operation of the reference: its statuses, and the required members of its body with status 200.
type Operation = (Method, &'static str, &'static [u16], &'static [&'static str]);

const RECORD: &[&str] = &["committed", "created_at", "data", "idx", "key", "size", "version"];

/// The operations for keys, tokens, identity, the key-value store, installations, tasks and drift. Path parameters are
/// named as in the reference.
const OPERATIONS: [Operation; 30] = [
    (Method::POST, "/api/v1/access-token/refresh", &[200, 403], &["token"]),
    (Method::GET, "/api/v1/github/client_id", &[200], &["client_id"]),
    (Method::GET, "/api/v1/server/config", &[200], &[]),
    (Method::GET, "/api/v1/whoami", &[200, 403], &["id", "vcs"]),
    (Method::POST, "/api/v1/logout", &[200, 403], &[]),
    (Method::GET, "/api/v1/github/whoami", &[200, 403, 404], &["username"]),
    (Method::GET, "/api/v1/gitlab/whoami", &[200, 403], &["username"]),
    (Method::GET, "/api/v1/user/github/installations", &[200, 403], &["installations"]),
    (Method::GET, "/api/v1/gitlab/installations", &[200, 403], &["installations"]),
    (Method::GET, "/api/v1/gitlab/groups", &[200], &[]),
    (Method::GET, "/api/v1/gitlab/groups/{id}/is-member", &[200], &["result"]),
    (Method::GET, "/api/v1/gitlab/whoareyou", &[200], &["id", "username"]),
    (Method::GET, "/api/v1/gitlab/installations/{id}/webhook", &[200], &["state", "webhook_url"]),
    (Method::PUT, "/api/v1/gitlab/installations/{installation_id}/access-token", &[200, 403], &[]),
    (Method::POST, "/api/v1/{vcs}/access-token", &[200, 400, 403], &["refresh_token"]),
    (Method::GET, "/api/v1/{vcs}/access-token", &[200, 403], &["results"]),
    (Method::DELETE, "/api/v1/{vcs}/access-token", &[200, 403, 404], &[]),
    (Method::GET, "/api/v1/{vcs}/kv/{installation_id}/key/{key}", &[200, 403, 404], RECORD),
    (Method::PUT, "/api/v1/{vcs}/kv/{installation_id}/key/{key}", &[200, 403], RECORD),
    (Method::DELETE, "/api/v1/{vcs}/kv/{installation_id}/key/{key}", &[200, 403], &["result"]),
    (Method::PUT, "/api/v1/{vcs}/kv/{installation_id}/cas/key/{key}", &[200, 400, 403], RECORD),
    (Method::GET, "/api/v1/{vcs}/kv/{installation_id}/count/key/{key}", &[200, 403, 404], &["count", "max_idx"]),
    (Method::GET, "/api/v1/{vcs}/kv/{installation_id}/size/key/{key}", &[200, 403, 404], &["size"]),
    (Method::GET, "/api/v1/{vcs}/kv/{installation_id}/iter/{key}", &[200, 403], &["results"]),
    (Method::POST, "/api/v1/{vcs}/kv/{installation_id}/commit", &[200, 403], &["keys"]),
    (Method::POST, "/api/v1/{vcs}/installations/{installation_id}/repos/refresh", &[200, 403], &["id"]),
    (Method::POST, "/api/v1/installations/{installation_id}/repos/refresh", &[200, 403], &["id"]),
    (Method::GET, "/api/v1/tasks/{id}", &[200, 403, 404], &["id", "name", "state", "updated_at"]),
    (Method::GET, "/api/v1/admin/drifts", &[200], &["results"]),
    (Method::GET, "/.well-known/jwks.json", &[200], &["keys"]),
];

/// The query parameters that the reference names.
const QUERIES: [(Method, &str, &[&str]); 6] = [
    (Method::GET, "/api/v1/{vcs}/access-token", &["limit", "page"]),
    (Method::DELETE, "/api/v1/{vcs}/access-token", &["id"]),
    (Method::GET, "/api/v1/{vcs}/kv/{installation_id}/key/{key}", &["committed", "idx", "select"]),
    (Method::DELETE, "/api/v1/{vcs}/kv/{installation_id}/key/{key}", &["idx", "version"]),
    (Method::GET, "/api/v1/{vcs}/kv/{installation_id}/size/key/{key}", &["committed", "idx"]),
    (
        Method::GET,
        "/api/v1/{vcs}/kv/{installation_id}/iter/{key}",
        &["committed", "idx", "limit", "include_data", "inclusive", "prefix", "select"],
    ),
];

fn operation(method: &Method, path: &str) -> &'static Value {
    let operation = &published().document["paths"][path][method.as_str().to_lowercase()];
    assert!(operation.is_object(), "{method} {path} is missing");
    operation
}

fn follow(value: &'static Value) -> &'static Value {
    value["$ref"].as_str().map_or(value, |reference| published().document.pointer(&reference[1..]).unwrap())
}

/// The required members of an object, including those of the schemas it is composed of.
fn required(schema: &'static Value) -> Vec<Value> {
    let parts = schema["allOf"].as_array().into_iter().flatten().flat_map(|part| required(follow(part)));
    schema["required"].as_array().into_iter().flatten().cloned().chain(parts).collect()
}

#[test]
fn operations_have_the_published_statuses_and_members() {
    for (method, path, statuses, members) in OPERATIONS {
        let responses = &operation(&method, path)["responses"];
        for status in statuses {
            assert!(responses[status.to_string()].is_object(), "{method} {path} has no {status}");
        }
        let schema = follow(&responses["200"]["content"]["application/json"]["schema"]);
        let required = required(schema);
        for member in members {
            assert!(required.contains(&Value::from(*member)), "{method} {path}: {member} is not required");
        }
        assert_ne!(schema["additionalProperties"], false, "{method} {path}");
    }
}

#[test]
fn operations_require_only_the_published_parameters() {
    for (method, path, names) in QUERIES {
        let parameters = operation(&method, path)["parameters"].as_array().unwrap();
        let named = |name: &str| parameters.iter().find(|parameter| parameter["name"] == name);
        for name in names {
            assert!(named(name).is_some_and(|parameter| parameter["in"] == "query"), "{method} {path}: {name}");
        }
        let demanded = |parameter: &&Value| parameter["in"] != "path" && parameter["required"] == true;
        let demanded: Vec<_> = parameters.iter().filter(demanded).map(|parameter| &parameter["name"]).collect();
        assert!(demanded.is_empty() || demanded == [&Value::from("id")], "{method} {path}: {demanded:?}");
    }
}

#[test]
fn request_bodies_require_only_the_published_members() {
    let demanded = |method, path: &str| {
        let body = &operation(&method, path)["requestBody"]["content"]["application/json"]["schema"];
        let mut names = required(follow(body));
        names.sort_by_key(ToString::to_string);
        Value::Array(names)
    };
    let kv = "/api/v1/{vcs}/kv/{installation_id}";
    assert_eq!(demanded(Method::POST, "/api/v1/{vcs}/access-token"), serde_json::json!(["capabilities", "name"]));
    assert_eq!(demanded(Method::POST, &format!("{kv}/commit")), serde_json::json!(["keys"]));
    // `value`, the other name of `data`, is described by a schema of its own.
    for path in ["key/{key}", "cas/key/{key}"] {
        assert_eq!(demanded(Method::PUT, &format!("{kv}/{path}")), serde_json::json!(["data"]));
    }
}
