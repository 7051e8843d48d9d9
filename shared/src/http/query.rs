//! Query parameters.
//!
//! `+` is a space. The elements of a list parameter are separated by unencoded commas, and the parameter may be
//! repeated. Any other parameter may be sent only once, because one of two values would be ignored. Unknown parameters
//! are ignored.

use axum::extract::FromRequestParts;
use http::request::Parts;
use percent_encoding::percent_decode_str;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, IntoDeserializer};

use super::error::ApiError;
use super::event::has_broken_escape;
use crate::domain::{Code, Error, Millis, Result};

/// The parameters in the order they were sent.
pub struct Query(Vec<Parameter>);

struct Parameter {
    name: String,
    value: String,
    /// The parts of the value between unencoded commas.
    elements: Vec<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        if has_broken_escape(query) {
            return Err(Error::invalid_because(Code::InvalidQuery, "a percent escape is broken").into());
        }
        Ok(Self::parse(query)?)
    }
}

impl Query {
    /// Parses the text after the question mark.
    pub fn parse(query: &str) -> Result<Self> {
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let elements = value.split(',').map(decode).collect::<Result<_>>()?;
            Ok(Parameter { name: decode(name)?, value: decode(value)?, elements })
        });
        pairs.collect::<Result<_>>().map(Self)
    }

    /// A parameter's text.
    ///
    /// # Errors
    /// [`Code::InvalidQuery`] if it was sent more than once. The same applies to every parameter except lists.
    pub fn text(&self, name: &str) -> Result<Option<&str>> {
        let mut sent = self.0.iter().filter(|parameter| parameter.name == name);
        match (sent.next(), sent.next()) {
            (_, Some(_)) => Err(bad(name, "is sent more than once")),
            (first, None) => Ok(first.map(|parameter| parameter.value.as_str())),
        }
    }

    /// Every element of a list parameter. `None` if it was not sent.
    pub fn list(&self, name: &str) -> Option<Vec<&str>> {
        let sent: Vec<_> = self.0.iter().filter(|parameter| parameter.name == name).collect();
        let elements = sent.iter().flat_map(|parameter| parameter.elements.iter().map(String::as_str)).collect();
        (!sent.is_empty()).then_some(elements)
    }

    /// Exactly `true` or `false`.
    pub fn flag(&self, name: &str, default: bool) -> Result<bool> {
        match self.text(name)? {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => Err(bad(name, "must be true or false")),
        }
    }

    /// A 64-bit decimal integer without a plus sign or a leading zero.
    pub fn integer(&self, name: &str) -> Result<Option<i64>> {
        let read = |text: &str| text.parse().ok().filter(|_| is_canonical(text));
        let problem = || bad(name, "must be a whole number without leading zeros");
        self.text(name)?.map(|text| read(text).ok_or_else(problem)).transpose()
    }

    /// An instant in RFC 3339.
    pub fn instant(&self, name: &str) -> Result<Option<Millis>> {
        self.text(name)?
            .map(|text| Millis::parse(text).ok_or_else(|| bad(name, "must be an RFC 3339 instant")))
            .transpose()
    }

    /// A UUID in its hyphenated form, as `parse` reads it.
    pub fn id<T>(&self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>> {
        self.text(name)?.map(|text| parse(text).ok_or_else(|| bad(name, "must be a UUID"))).transpose()
    }

    /// One of the values that `T` parses.
    pub fn word<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let read = |text: &str| {
            let word: StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
            T::deserialize(word).map_err(|_| bad(name, "is not one of the words it may have"))
        };
        self.text(name)?.map(read).transpose()
    }

    /// `limit`: a positive integer. A value above `most` counts as `most`.
    pub fn limit(&self, default: usize, most: usize) -> Result<usize> {
        let huge = |text: &str| text.len() > 18 && is_canonical(text) && !text.starts_with('-');
        if self.text("limit")?.is_some_and(huge) {
            return Ok(most);
        }
        match self.integer("limit")? {
            None => Ok(default),
            Some(limit) if limit > 0 => Ok(usize::try_from(limit).map_or(most, |limit| limit.min(most))),
            Some(_) => Err(bad("limit", "must be at least 1")),
        }
    }
}

/// Whether a decimal integer has its canonical form: no plus sign, no leading zero, no negative zero.
fn is_canonical(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let leading_zero = digits.starts_with('0') && text != "0";
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) && !leading_zero
}

fn decode(text: &str) -> Result<String> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    decoded.map(Into::into).map_err(|_| Error::invalid_because(Code::InvalidQuery, "the query is not UTF-8"))
}

fn bad(name: &str, problem: &str) -> Error {
    Error::invalid_because(Code::InvalidQuery, format!("{name} {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_parameter_is_refused_and_a_list_takes_all() {
        let query = Query::parse("a=1&a=2&same=x&%73ame=x&l=x%3Dy,z&l=w+v&e=&c=1,2%2C3").unwrap();
        for name in ["a", "same"] {
            assert!(query.text(name).is_err() && query.integer(name).is_err() && query.flag(name, true).is_err());
        }
        assert_eq!(query.text("c").unwrap(), Some("1,2,3"), "a comma ends no value but a list's element");
        assert_eq!((query.text("e").unwrap(), query.text("none").unwrap()), (Some(""), None));
        assert_eq!(query.list("l"), Some(vec!["x=y", "z", "w v"]));
        assert_eq!(query.list("e"), Some(vec![""]));
        assert_eq!(query.list("none"), None);
    }

    #[test]
    fn numbers_and_flags_are_parsed_strictly() {
        for bad in ["limit=0", "limit=-1", "limit=abc", "limit=1e3", "limit="] {
            assert!(Query::parse(bad).unwrap().limit(30, 100).is_err(), "{bad}");
        }
        for huge in ["limit=5000", "limit=9223372036854775808", "limit=99999999999999999999999"] {
            assert_eq!(Query::parse(huge).unwrap().limit(30, 100).unwrap(), 100, "{huge}");
        }
        for alias in ["07", "%2B7", "-0", "00", "0000000000000000000007", "-07", "--7", "-"] {
            let query = Query::parse(&format!("limit={alias}")).unwrap();
            assert!(query.limit(30, 100).is_err() && query.integer("limit").is_err(), "{alias}");
        }
        for (text, number) in [("0", 0), ("-7", -7), ("10", 10), ("-9223372036854775808", i64::MIN)] {
            assert_eq!(Query::parse(&format!("n={text}")).unwrap().integer("n").unwrap(), Some(number));
        }
        assert!(Query::parse("f=1").unwrap().flag("f", true).is_err());
        assert!(Query::parse("f=%ff").is_err());
    }
}
