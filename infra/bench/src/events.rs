//! Requests as API Gateway's HTTP API passes them to a function.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::runtime_api::Event;

const HTTP_API: &str = include_str!("../../../tests/data/events/http_api.json");

/// A request with a method, a path (with its query), a bearer credential and a body.
pub fn event(method: &str, target: &str, token: &str, body: Option<&Value>) -> Event {
    filled(method, target, token, body).to_string().into()
}

/// A browser's request: a path, with the cookie of its session.
pub fn browsed(target: &str, cookie: &str) -> Event {
    let mut event = filled("GET", target, "", None);
    // A bearer credential would take precedence over the cookie.
    if let Some(headers) = event.get_mut("headers").and_then(Value::as_object_mut) {
        headers.remove("authorization");
    }
    if let Some(cookies) = event.get_mut("cookies") {
        *cookies = [cookie].into();
    }
    event.to_string().into()
}

fn filled(method: &str, target: &str, token: &str, body: Option<&Value>) -> Value {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut event: Value = serde_json::from_str(HTTP_API).unwrap_or_default();
    // A real HTTP API decodes the path.
    let path = percent_decode_str(path).decode_utf8_lossy();
    for (pointer, value) in [
        ("/rawPath", &*path),
        ("/requestContext/http/path", &*path),
        ("/rawQueryString", query),
        ("/requestContext/http/method", method),
        ("/headers/authorization", &format!("Bearer {token}")),
    ] {
        if let Some(member) = event.pointer_mut(pointer) {
            *member = value.into();
        }
    }
    if let (Some(body), Some(event)) = (body, event.as_object_mut()) {
        event.insert("body".to_owned(), body.to_string().into());
    }
    event
}

pub fn body(answer: &str) -> Value {
    let answer: Value = serde_json::from_str(answer).unwrap_or_default();
    let body = answer.get("body").and_then(Value::as_str).unwrap_or_default();
    if answer.get("isBase64Encoded") == Some(&Value::Bool(true)) {
        // Large bodies are compressed, because the request accepts gzip.
        let packed = STANDARD.decode(body).unwrap_or_default();
        serde_json::from_reader(GzDecoder::new(&*packed)).unwrap_or_default()
    } else {
        serde_json::from_str(body).unwrap_or_default()
    }
}

/// The path and query of an answer's `next` link.
pub fn next_link(answer: &str) -> Option<String> {
    let answer: Value = serde_json::from_str(answer).ok()?;
    let link = answer.pointer("/headers/link")?.as_str()?;
    let url = link.strip_prefix('<')?.split_once('>')?.0;
    Some(format!("/{}", url.split_once("://")?.1.split_once('/')?.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_carries_the_request_and_no_template_values() {
        let text = event("PUT", "/a%20b?limit=1", "t0", Some(&true.into()));
        let event: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(event["rawPath"], "/a b");
        assert_eq!(event["rawQueryString"], "limit=1");
        assert_eq!(event["headers"]["authorization"], "Bearer t0");
        assert_eq!(event["requestContext"]["http"]["method"], "PUT");
        assert_eq!(event["body"], "true");
        assert!(!text.contains("{{"));
    }

    #[test]
    fn browser_request_carries_only_its_cookie() {
        let event: Value = serde_json::from_str(&browsed("/a", "session=b")).unwrap();
        assert_eq!((&event["rawPath"], &event["cookies"]), (&"/a".into(), &serde_json::json!(["session=b"])));
        assert_eq!(event["headers"].get("authorization"), None);
    }

    #[test]
    fn response_is_parsed() {
        let answer =
            r#"{"statusCode":200,"headers":{"link":"<https://h/a?cursor=c>; rel=\"next\""},"body":"{\"version\":7}"}"#;
        assert_eq!(body(answer)["version"], 7);
        assert_eq!(next_link(answer).unwrap(), "/a?cursor=c");
    }

    #[test]
    fn compressed_response_is_parsed() {
        // `[7]`
        let packed = "H4sIAAAAAAACA4s2jwUAPpV1GgMAAAA=";
        let answer = serde_json::json!({"statusCode": 200, "body": packed, "isBase64Encoded": true});
        assert_eq!(body(&answer.to_string())[0], 7);
    }
}
