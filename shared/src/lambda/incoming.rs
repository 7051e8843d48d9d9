//! Parses the event of an invocation with bounded memory.
//!
//! A derived deserializer would hold a large body four times at once: in the text of the event, in a copy of that text,
//! in a buffer without escapes, and in the resulting string. Here the body is unescaped directly from the event into
//! its string; the rest of the event is small.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::http::{GatewayEvent, Text};

/// The event of an invocation. Any JSON deserializes into it, so an event that is not an HTTP request (for example a
/// test event) gets an answer instead of failing the invocation.
#[derive(Debug)]
pub struct Incoming(pub(super) Option<GatewayEvent>);

impl<'de> Deserialize<'de> for Incoming {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The whole value is read first, so that nothing remains unread.
        Ok(Self(<&RawValue>::deserialize(deserializer).ok().and_then(|event| read(event.get()))))
    }
}

#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

fn read(event: &str) -> Option<GatewayEvent> {
    let outline: Outline<'_> = serde_json::from_str(event).ok()?;
    let Some(body) = outline.body.map(RawValue::get).filter(|body| *body != NULL) else {
        return serde_json::from_str(event).ok();
    };
    let text = unescape(body)?;
    let rest: GatewayEvent = serde_json::from_str(&without(event, body)?).ok()?;
    Some(GatewayEvent { body: Some(Text(text)), ..rest })
}

const NULL: &str = "null";

/// The event with `null` in place of `body`, which must be a slice of it.
fn without(event: &str, body: &str) -> Option<String> {
    let start = body.as_ptr().addr().checked_sub(event.as_ptr().addr())?;
    Some([event.get(..start)?, NULL, event.get(start + body.len()..)?].concat())
}

/// Unescapes a JSON string with its quotes. `None` if it is no string or not valid Unicode.
fn unescape(quoted: &str) -> Option<String> {
    let mut rest = quoted.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::with_capacity(rest.len());
    while let Some(at) = rest.find('\\') {
        text.push_str(rest.get(..at)?);
        rest = rest.get(at..)?;
        let character = match rest.as_bytes().get(1)? {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            _ => {
                let (character, length) = unicode_escape(rest)?;
                text.push(character);
                rest = rest.get(length..)?;
                continue;
            }
        };
        text.push(character);
        rest = rest.get(2..)?;
    }
    text.push_str(rest);
    Some(text)
}

/// The character of a `\\u` escape or of a surrogate pair of escapes, and the length of that text.
fn unicode_escape(text: &str) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let first = unit(0)?;
    if let Some(character) = char::from_u32(first.into()) {
        return Some((character, 6));
    }
    let character = char::decode_utf16([first, unit(6)?]).next()?.ok()?;
    Some((character, 12))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn invalid_json_strings_are_not_unescaped() {
        for quoted in [r#""\ud800""#, r#""\udc00\ud800""#, r#""\ud800\u0041""#, r#""\ud800x""#, "1", "[]", "{}", "true"]
        {
            assert_eq!(unescape(quoted), None, "{quoted}");
        }
        assert_eq!(unescape(r#""\ud83d\ude00\u00e9\/\b\f""#).as_deref(), Some("😀é/\u{8}\u{c}"));
    }

    #[test]
    fn event_with_a_non_string_body_is_refused() {
        let event = |body: &str| format!(r#"{{"requestContext":{{"http":{{"method":"GET"}}}},"body":{body}}}"#);
        assert!(read(&event("\"a\"")).is_some());
        assert!(read(&event("null")).is_some());
        for body in ["1", "{}", "[]", r#""\ud800""#] {
            assert!(read(&event(body)).is_none(), "{body}");
        }
    }

    proptest! {
        #[test]
        fn escaped_text_round_trips(text in any::<String>()) {
            let quoted = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(unescape(&quoted), Some(text.clone()));
            let ascii: String = text.encode_utf16().flat_map(|unit| format!("\\u{unit:04x}").into_bytes()).map(char::from).collect();
            prop_assert_eq!(unescape(&format!("\"{ascii}\"")), Some(text));
        }

        #[test]
        fn body_is_extracted_from_its_event(body in any::<String>(), first in any::<bool>()) {
            let body_member = format!(r#""body":{}"#, serde_json::to_string(&body).unwrap());
            let context = r#""requestContext":{"http":{"method":"PUT"}}"#;
            let (one, other) = if first { (body_member.as_str(), context) } else { (context, body_member.as_str()) };
            let event = read(&format!("{{{one},{other}}}")).unwrap();
            prop_assert_eq!(event.body.unwrap().0, body);
        }
    }
}
