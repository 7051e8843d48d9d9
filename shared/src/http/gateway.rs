//! The JSON events of gateways: payload 1.0 (REST API) and 2.0 (HTTP API, function URL, local emulator).
//!
//! Only the members that this service uses are parsed. Text is parsed leniently: half a surrogate pair, which some
//! front ends write for a header's byte that is not UTF-8, becomes U+FFFD. A strict parser would refuse the whole event
//! because of an unusual `User-Agent`.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// An event of either payload version.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayEvent {
    /// 2.0: the path.
    pub raw_path: Option<Text>,
    /// 2.0: the text after the question mark, as it was sent.
    pub raw_query_string: Option<Text>,
    /// 2.0: the cookies, which a gateway removes from the headers.
    pub cookies: Option<Vec<Text>>,
    /// 1.0: the method.
    pub http_method: Option<Text>,
    /// 1.0: the path.
    pub path: Option<Text>,
    /// 1.0: decoded parameters. Of several with one name, the last.
    pub query_string_parameters: Option<Pairs>,
    /// 1.0: decoded parameters, all of each name.
    pub multi_value_query_string_parameters: Option<Pairs>,
    /// The headers. In 1.0, the last of several with one name.
    pub headers: Option<Pairs>,
    /// 1.0: all headers of each name.
    pub multi_value_headers: Option<Pairs>,
    /// Where the event comes from.
    pub request_context: RequestContext,
    /// The body, as text or as base64.
    pub body: Option<Text>,
    /// Whether the body is base64.
    pub is_base64_encoded: Option<bool>,
}

/// Where an event comes from.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RequestContext {
    /// 1.0: the method.
    pub http_method: Option<Text>,
    /// 2.0: method and peer.
    pub http: Option<Http>,
    /// 1.0: the peer.
    pub identity: Option<Identity>,
    /// The gateway's domain.
    pub domain_name: Option<Text>,
    /// The gateway's id.
    pub api_id: Option<Text>,
    /// The deployment stage.
    pub stage: Option<Text>,
    /// The id in the gateway's access log.
    pub request_id: Option<Text>,
}

/// Method and peer in payload 2.0.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Http {
    /// The method.
    pub method: Option<Text>,
    /// The peer's address.
    pub source_ip: Option<Text>,
}

/// The peer in payload 1.0.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Identity {
    /// The peer's address.
    pub source_ip: Option<Text>,
}

/// The two formats of events and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// REST API.
    V1,
    /// HTTP API, function URL, local emulator.
    V2,
}

impl GatewayEvent {
    /// The payload version. `None` if the event is not an HTTP request.
    pub fn payload(&self) -> Option<Payload> {
        let RequestContext { http, http_method, .. } = &self.request_context;
        match (http, http_method) {
            (Some(_), _) => Some(Payload::V2),
            (None, Some(_)) => Some(Payload::V1),
            (None, None) => None,
        }
    }
}

/// Parses a method. `None` if the text is not a method.
pub fn method(text: Option<Text>) -> Option<Method> {
    Method::from_bytes(text?.0.as_bytes()).ok()
}

/// Text in which U+FFFD replaces what is not UTF-8.
#[derive(Debug, Default)]
pub struct Text(pub String);

/// Names and their values, in the order they were sent.
#[derive(Debug, Default)]
pub struct Pairs(Vec<(Text, Vec<Text>)>);

impl Pairs {
    /// The pairs as headers. A pair with an invalid name is skipped. A space replaces each character that is invalid in
    /// a value (RFC 9110 §5.5).
    pub fn headers(self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, values) in self.0 {
            let Ok(name) = HeaderName::from_bytes(name.0.as_bytes()) else { continue };
            for value in values.into_iter().filter_map(header_value) {
                headers.append(&name, value);
            }
        }
        headers
    }

    /// The pairs as a percent-encoded query string.
    pub fn query(&self) -> String {
        let encode = |text: &Text| utf8_percent_encode(&text.0, NON_ALPHANUMERIC).to_string();
        let pairs = self.0.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
        pairs.map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&")
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A header's value. `None` only if the text is too long for a value.
pub fn header_value(text: Text) -> Option<HeaderValue> {
    let spaced = |byte: u8| if byte == b'\t' || (byte >= b' ' && byte != 0x7f) { byte } else { b' ' };
    HeaderValue::try_from(text.0.into_bytes().into_iter().map(spaced).collect::<Vec<_>>()).ok()
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // serde_json checks neither UTF-8 nor surrogates in bytes.
        deserializer.deserialize_bytes(TextVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Text, E> {
        Ok(Text(lossy(bytes)))
    }
}

/// One value of a header or parameter, or a list of values.
struct Values(Vec<Text>);

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(ValuesVisitor)
    }
}

struct ValuesVisitor;

impl<'de> Visitor<'de> for ValuesVisitor {
    type Value = Values;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of strings")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Values, E> {
        Ok(Values(vec![Text(lossy(bytes))]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Values, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Values(values))
    }
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
        let mut pairs = Vec::new();
        while let Some((name, values)) = map.next_entry::<Text, Option<Values>>()? {
            pairs.push((name, values.map(|values| values.0).unwrap_or_default()));
        }
        Ok(Pairs(pairs))
    }
}

/// The text of the bytes. U+FFFD replaces what is not UTF-8.
fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
