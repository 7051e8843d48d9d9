//! What clients send.
//!
//! A payload is taken as it comes and read by the handler: whoever may not see a thing never learns that the body was
//! wrong, too.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use terrapi::domain::Millis;
use terrapi::http::{read_body, read_json};

use super::{MEDIA_TYPE, Problem};

/// A body, not yet looked at.
pub struct Payload(Result<(bool, Bytes), Problem>);

impl<S: Send + Sync> FromRequest<S> for Payload {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        let known = request.headers().get(CONTENT_TYPE).is_none_or(|value| {
            let essence = value.to_str().ok().and_then(|value| value.split(';').next()).map(str::trim);
            essence.is_some_and(|it| [MEDIA_TYPE, "application/json"].iter().any(|name| it.eq_ignore_ascii_case(name)))
        });
        Ok(Self(read_body(request).await.map(|bytes| (known, bytes)).map_err(Problem::from)))
    }
}

impl Payload {
    /// The body, if there is one and it is of a media type that is read here.
    pub fn bytes(self) -> Result<Option<Bytes>, Problem> {
        let (known, bytes) = self.0?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        if known { Ok(Some(bytes)) } else { Err(Problem::of(http::StatusCode::UNSUPPORTED_MEDIA_TYPE)) }
    }

    /// The attributes of the resource object in it, if it is of one of these types or says none. No body, `null` and
    /// members that are not there stand for no attributes; other members are ignored.
    pub fn attributes(self, types: &[&str]) -> Result<Attributes, Problem> {
        let Some(bytes) = self.bytes()? else { return Ok(Attributes::default()) };
        let body = serde_json::from_slice(&bytes).map_err(|_| Problem::bad_request("The body is not JSON"))?;
        let mut document = object(body).map_err(|()| Problem::bad_request("The body is not a JSON object"))?;
        let data = document.remove("data").unwrap_or_default();
        let mut data = object(data).map_err(|()| Problem::attribute("/data", "Data is not an object"))?;
        match data.get("type").unwrap_or(&Value::Null) {
            Value::Null => {}
            Value::String(name) if name.is_empty() || types.contains(&name.as_str()) => {}
            _ => return Err(Problem::attribute("/data/type", format!("Type is not {}", types.join(" or ")))),
        }
        let attributes = object(data.remove("attributes").unwrap_or_default());
        let wrong = |()| Problem::attribute("/data/attributes", "Attributes is not an object");
        attributes.map(Attributes).map_err(wrong)
    }
}

/// `null` stands for an empty object.
fn object(value: Value) -> Result<Map<String, Value>, ()> {
    match value {
        Value::Null => Ok(Map::new()),
        Value::Object(members) => Ok(members),
        _ => Err(()),
    }
}

/// Attributes as they were sent. `null` in one counts as if it were not there.
#[derive(Debug, Default)]
pub struct Attributes(Map<String, Value>);

impl Attributes {
    /// A text, made into what it stands for. `problem` is said about anything else.
    pub fn text<T>(
        &self,
        pointer: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
        problem: &str,
    ) -> Result<Option<T>, Problem> {
        let wrong = || Problem::attribute(pointer, problem);
        let read = |value: &Value| value.as_str().and_then(read).ok_or_else(wrong);
        self.value(pointer).map(read).transpose()
    }

    /// As [`Self::text`], and it must be there.
    pub fn required<T>(
        &self,
        pointer: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
        problem: &str,
    ) -> Result<T, Problem> {
        self.text(pointer, read, problem)?.ok_or_else(|| Problem::attribute(pointer, problem))
    }

    /// An instant.
    pub fn instant(&self, pointer: &'static str) -> Result<Option<Millis>, Problem> {
        self.text(pointer, Millis::parse_iso8601, "Expired at is not an ISO 8601 date and time")
    }

    /// Whatever JSON `T` is read from.
    pub fn json<T: DeserializeOwned>(&self, pointer: &'static str, problem: &str) -> Result<Option<T>, Problem> {
        let read = |value: &Value| read_json(&value.to_string()).map_err(|_| Problem::attribute(pointer, problem));
        self.value(pointer).map(read).transpose()
    }

    fn value(&self, pointer: &'static str) -> Option<&Value> {
        let name = pointer.strip_prefix("/data/attributes/")?;
        // Some clients write underscores in place of dashes.
        let value = self.0.get(name).or_else(|| self.0.get(&name.replace('-', "_")));
        value.filter(|value| !value.is_null())
    }
}
