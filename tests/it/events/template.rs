//! Golden events with the path and the query left open, filled in the way each front end fills them.

use axum::Router;
use lambda_http::Context;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;
use terrapi::lambda::{Incoming, invoke};

/// A front end, named by its golden event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Golden {
    HttpApi,
    RestApi,
    FunctionUrl,
    Emulator,
}

pub const ALL: [Golden; 4] = [Golden::HttpApi, Golden::RestApi, Golden::FunctionUrl, Golden::Emulator];

/// What a careful client leaves bare in a path; everything else it encodes.
const SEGMENTS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// `text` as a client writes it into a path, slashes kept.
pub fn on_the_wire(text: &str) -> String {
    utf8_percent_encode(text, SEGMENTS).to_string()
}

impl Golden {
    /// The event for `wire_path?query` as a client sent it.
    pub fn event(self, wire_path: &str, query: &str) -> Value {
        let text = match self {
            Self::HttpApi => include_str!("../../data/events/http_api.json"),
            Self::RestApi => include_str!("../../data/events/rest_api.json"),
            Self::FunctionUrl => include_str!("../../data/events/function_url.json"),
            Self::Emulator => include_str!("../../data/events/emulator.json"),
        };
        let path = match self {
            Self::HttpApi => percent_decode_str(wire_path).decode_utf8_lossy().into_owned(),
            _ => wire_path.to_owned(),
        };
        let mut event: Value = serde_json::from_str(text).unwrap();
        fill(&mut event, "{{path}}", &path);
        fill(&mut event, "{{query}}", query);
        if self == Self::Emulator && query.is_empty() {
            event["rawQueryString"] = Value::Null;
        }
        event
    }
}

fn fill(value: &mut Value, mark: &str, text: &str) {
    match value {
        Value::String(string) => *string = string.replace(mark, text),
        Value::Array(list) => list.iter_mut().for_each(|item| fill(item, mark, text)),
        Value::Object(members) => members.values_mut().for_each(|member| fill(member, mark, text)),
        _ => {}
    }
}

/// The event through the Lambda loop's own step; the answer as the gateway reads it.
pub async fn send(router: Router, event: &Value) -> Value {
    send_text(router, &event.to_string()).await
}

/// The same for an event whose text no JSON value can hold.
pub async fn send_text(router: Router, event: &str) -> Value {
    let incoming: Incoming = serde_json::from_str(event).unwrap();
    let mut context = Context::default();
    "request-1".clone_into(&mut context.request_id);
    serde_json::to_value(invoke(router, incoming, context).await).unwrap()
}
