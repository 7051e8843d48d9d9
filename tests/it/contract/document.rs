//! The committed OpenAPI document equals the one generated from the handlers.
#![expect(clippy::disallowed_methods, reason = "UPDATE_OPENAPI asks for the document to be written anew")]

use http::Method;
use serde_json::{Map, Value, json};
use terrapi::domain::Code;
use terrapi::http::{document, whole_document};

use crate::support::TestService;
use crate::support::service::{routes, signer};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../functions/console/assets/openapi.json");
const FRAME: &str = include_str!("../../../functions/console/assets/openapi-frame.json");

fn described() -> Value {
    let documents = routes(&signer()).map(|(_, routes)| document(routes));
    whole_document(serde_json::from_str(FRAME).unwrap(), documents).unwrap()
}

#[test]
fn committed_document_matches_the_handlers() {
    let described = format!("{:#}\n", described());
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(PATH, &described).unwrap();
    }
    let committed = std::fs::read_to_string(PATH).unwrap();
    assert!(committed == described, "run this test with UPDATE_OPENAPI=1 and commit {PATH}");
}

#[test]
fn operations_are_described_and_references_resolve() {
    let document = described();
    let (mut ids, mut tags) = (Vec::new(), Vec::new());
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            for member in ["operationId", "summary"] {
                assert!(operation[member].is_string(), "{method} {path} has no {member}");
            }
            ids.push(operation["operationId"].as_str().unwrap());
            tags.extend(operation["tags"].as_array().unwrap().iter().cloned());
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(parameter["description"].is_string(), "{method} {path}: {parameter}");
            }
            for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                let named = |known: &Value| known["in"] == "path" && known["name"] == name;
                let described = operation["parameters"].as_array().is_some_and(|known| known.iter().any(named));
                assert!(described, "{method} {path} does not describe {name}");
            }
            for (status, response) in operation["responses"].as_object().unwrap() {
                assert!(response["$ref"].is_string() || response["description"] != "", "{method} {path} {status}");
            }
        }
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "an operationId is used twice");
    let known: Vec<_> = document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].clone()).collect();
    assert!(tags.iter().all(|tag| known.contains(tag)) && known.iter().all(|tag| tags.contains(tag)));
    references(&document, &document);
}

/// Calls `look` with each object of a document and its JSON pointer.
fn objects(value: &Value, pointer: &str, look: &mut impl FnMut(&Map<String, Value>, &str)) {
    match value {
        Value::Object(members) => {
            look(members, pointer);
            members.iter().for_each(|(name, member)| {
                objects(member, &format!("{pointer}/{}", name.replace('/', "~1")), look);
            });
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| objects(item, &format!("{pointer}/{index}"), look));
        }
        _ => {}
    }
}

#[test]
fn component_names_have_no_generic_parameters() {
    let document = described();
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(name.chars().all(|character| character.is_ascii_alphanumeric()), "{name}");
    }
}

#[test]
fn no_component_is_a_plain_alias() {
    let document = described();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(schema.get("$ref").is_none(), "{name}");
    }
}

#[test]
fn enumerations_are_components() {
    objects(&described(), "", &mut |object, pointer| {
        let component = pointer.strip_prefix("/components/schemas/").is_some_and(|name| !name.contains('/'));
        assert!(!object.contains_key("enum") || component, "{pointer}");
    });
}

#[test]
fn request_bodies_are_references() {
    objects(&described(), "", &mut |object, pointer| {
        let Some(contents) = object.get("requestBody").and_then(|body| body["content"].as_object()) else { return };
        for content in contents.values() {
            assert!(content["schema"]["$ref"].is_string(), "{pointer}: {content}");
        }
    });
}

#[test]
fn instants_are_date_times() {
    objects(&described(), "", &mut |object, pointer| {
        let instant = pointer.contains("/properties/") && (pointer.ends_with("_at") || pointer.ends_with("-at"));
        assert!(!instant || object["format"] == "date-time", "{pointer}");
    });
}

#[test]
fn security_schemes_are_bearer_and_session() {
    let document = described();
    let schemes: Vec<_> = document["components"]["securitySchemes"].as_object().unwrap().keys().collect();
    assert_eq!(schemes, ["bearer", "session"]);
    objects(&document, "", &mut |object, pointer| {
        for scheme in object.get("security").and_then(Value::as_array).into_iter().flatten() {
            let names: Vec<_> = scheme.as_object().unwrap().keys().collect();
            assert!(names == ["bearer"] || names == ["session"], "{pointer}: {scheme}");
        }
    });
}

#[test]
fn pages_with_a_link_have_a_next_cursor() {
    let document = described();
    let mut pages = 0;
    objects(&document, "", &mut |object, pointer| {
        let Some(response) = object.get("200").filter(|response| response["headers"].get("link").is_some()) else {
            return;
        };
        pages += 1;
        let reference = response["content"]["application/json"]["schema"]["$ref"].as_str().unwrap();
        let page = document.pointer(&reference[1..]).unwrap();
        assert_eq!(page["properties"]["next_cursor"]["type"], "string", "{pointer}");
    });
    assert!(pages >= 6, "{pages}");
}

#[test]
fn write_requires_data_and_its_alias_is_described() {
    let schemas = &described()["components"]["schemas"];
    assert_eq!(schemas["KvWrite"]["required"], json!(["data"]));
    assert!(schemas["KvWrite"]["properties"].get("value").is_none());
    assert_eq!(schemas["KvWriteAlias"]["required"], json!(["value"]));
}

#[test]
fn guide_explains_every_error_code() {
    let guide = include_str!("../../../docs/api.md");
    for code in Code::ALL {
        assert!(guide.contains(&format!("`{}`", code.as_str())), "{}", code.as_str());
    }
}

fn references(document: &Value, value: &Value) {
    match value {
        Value::Object(members) => {
            if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
            }
            members.values().for_each(|member| references(document, member));
        }
        Value::Array(items) => items.iter().for_each(|item| references(document, item)),
        _ => {}
    }
}

#[tokio::test]
async fn document_is_served_without_a_credential() {
    let service = TestService::new().await;
    let reply = service.call(Method::GET, "/openapi.json", "", None).await;
    assert_eq!(reply.ok(), described());
    assert_eq!(reply.header("content-type"), Some("application/json"));
}
