//! The bodies of requests.
//!
//! The extractor accepts any body, and the handler parses it. A caller who may not see the resource is therefore
//! answered with 404, even if the body is malformed.

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

/// A body that has not been parsed yet.
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
    /// The body. `None` if there is none.
    ///
    /// # Errors
    /// Unsupported media type.
    pub fn bytes(self) -> Result<Option<Bytes>, Problem> {
        let (known, bytes) = self.0?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        if known { Ok(Some(bytes)) } else { Err(Error::invalid(Code::UnsupportedMediaType).into()) }
    }

    /// The attributes of the resource object in the body. Its type must be one of `types` or absent. An absent body,
    /// `null` and absent members count as no attributes. Other members are ignored.
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
        // Checks that all names of attributes can be read, so that no later lookup fails.
        member(attributes, "").map_err(|()| not_json())?;
        Ok(Attributes(attributes.map(ToOwned::to_owned)))
    }
}

const NULL: &str = "null";

/// The object in a value. `None`, an object without members, if it is absent or `null`.
fn object(value: Option<&RawValue>) -> Result<Option<&RawValue>, ()> {
    match value {
        Some(value) if value.get().starts_with('{') => Ok(Some(value)),
        Some(value) if value.get() != NULL => Err(()),
        _ => Ok(None),
    }
}

/// An object's member with this name. Of several, the last. The others are skipped, so that an object with many members
/// uses no memory.
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

/// Compares a member's name without storing it.
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

/// The text of an object of attributes. An attribute that is `null` counts as absent.
#[derive(Debug, Default)]
pub struct Attributes(Option<Box<RawValue>>);

impl Attributes {
    /// A text attribute, parsed by `read`. `problem` is the error for any other value.
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

    /// As [`Self::text`], for a required attribute.
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

    /// An attribute that is parsed as `T`. `problem` is the error for any other value.
    pub fn json<T: DeserializeOwned>(&self, pointer: &'static str, problem: &str) -> Result<Option<T>, Problem> {
        let read = |value: &RawValue| read_json(value.get());
        self.value(pointer).map(read).transpose().map_err(|_| Problem::attribute(pointer, problem))
    }

    fn value(&self, pointer: &'static str) -> Option<&RawValue> {
        let name = pointer.strip_prefix("/data/attributes/")?;
        let named = |name: &str| member(self.0.as_deref(), name).ok().flatten();
        // Some clients send underscores instead of dashes.
        named(name).or_else(|| named(&name.replace('-', "_"))).filter(|value| value.get() != NULL)
    }
}
