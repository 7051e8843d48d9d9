//! What clients send.
//!
//! A payload is taken as it comes and read by the handler: whoever may not see a thing never learns that the body was
//! wrong, too.

use std::fmt;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use http::header::CONTENT_TYPE;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use terrapi::domain::{Code, Error, Millis};
use terrapi::http::{read_body, read_json};

use super::document::MEDIA_TYPE;
use super::problem::Problem;

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
        if known { Ok(Some(bytes)) } else { Err(Error::invalid(Code::UnsupportedMediaType).into()) }
    }

    /// The attributes of the resource object in it, if it is of one of these types or says none. No body, `null` and
    /// members that are not there stand for no attributes; other members are ignored.
    pub fn attributes(self, types: &[&str]) -> Result<Attributes, Problem> {
        let Some(bytes) = self.bytes()? else { return Ok(Attributes::default()) };
        let not_json = || Problem::bad_request("The body is not JSON");
        let body: &RawValue = serde_json::from_slice(&bytes).map_err(|_| not_json())?;
        let document = object(Some(body)).map_err(|()| Problem::bad_request("The body is not a JSON object"))?;
        let data = member(document, "data").map_err(|()| not_json())?;
        let data = object(data).map_err(|()| Problem::attribute("/data", "Data is not an object"))?;
        let named = member(data, "type").map_err(|()| not_json())?;
        match serde_json::from_str::<Option<String>>(named.map_or(NULL, RawValue::get)) {
            Ok(None) => {}
            Ok(Some(name)) if name.is_empty() || types.contains(&name.as_str()) => {}
            _ => return Err(Problem::attribute("/data/type", format!("Type is not {}", types.join(" or ")))),
        }
        let attributes = object(member(data, "attributes").map_err(|()| not_json())?);
        let attributes =
            attributes.map_err(|()| Problem::attribute("/data/attributes", "Attributes is not an object"))?;
        // Every later look at the attributes reads the same names.
        member(attributes, "").map_err(|()| not_json())?;
        Ok(Attributes(attributes.map(ToOwned::to_owned)))
    }
}

const NULL: &str = "null";

/// The object in a value. Absent and `null` stand for one without members.
fn object(value: Option<&RawValue>) -> Result<Option<&RawValue>, ()> {
    match value {
        Some(value) if value.get().starts_with('{') => Ok(Some(value)),
        Some(value) if value.get() != NULL => Err(()),
        _ => Ok(None),
    }
}

/// An object's member of this name, the last of several. The others are skipped: an object with any number of members
/// takes no memory.
///
/// # Errors
/// A member's name is not Unicode.
fn member<'a>(object: Option<&'a RawValue>, name: &str) -> Result<Option<&'a RawValue>, ()> {
    let Some(object) = object else { return Ok(None) };
    serde_json::Deserializer::from_str(object.get()).deserialize_map(Member(name)).map_err(|_| ())
}

/// Finds a member by its name.
#[derive(Clone, Copy)]
struct Member<'n>(&'n str);

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(matches) = members.next_key_seed(IsNamed(self.0))? {
            if matches {
                found = Some(members.next_value()?);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Compares a member's name without keeping it.
struct IsNamed<'n>(&'n str);

impl<'de> DeserializeSeed<'de> for IsNamed<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for IsNamed<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

/// Attributes as they were sent: the object's text. `null` in one counts as if it were not there.
#[derive(Debug, Default)]
pub struct Attributes(Option<Box<RawValue>>);

impl Attributes {
    /// A text, made into what it stands for. `problem` is said about anything else.
    pub fn text<T>(
        &self,
        pointer: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
        problem: &str,
    ) -> Result<Option<T>, Problem> {
        let wrong = || Problem::attribute(pointer, problem);
        let text = |value: &RawValue| serde_json::from_str::<String>(value.get()).ok();
        self.value(pointer).map(|value| text(value).as_deref().and_then(read).ok_or_else(wrong)).transpose()
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
        let read = |value: &RawValue| read_json(value.get());
        self.value(pointer).map(read).transpose().map_err(|_| Problem::attribute(pointer, problem))
    }

    fn value(&self, pointer: &'static str) -> Option<&RawValue> {
        let name = pointer.strip_prefix("/data/attributes/")?;
        let named = |name: &str| member(self.0.as_deref(), name).ok().flatten();
        // Some clients write underscores in place of dashes.
        named(name).or_else(|| named(&name.replace('-', "_"))).filter(|value| value.get() != NULL)
    }
}
