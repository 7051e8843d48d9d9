//! The stored text of a value: the JSON that was sent, without white space between its tokens.

use serde_json::value::RawValue;
use terrapi::domain::{Code, Error, Result};

/// The maximum size of a value in bytes of compact JSON text.
pub const MAX_VALUE_BYTES: usize = 4 * 1024 * 1024;
/// The maximum depth of nested arrays and objects. RFC 8259 §9 allows a limit; this one is that of Go's
/// `encoding/json`.
const MAX_DEPTH: usize = 10_000;

/// Removes the white space between the tokens, in place. The spelling of numbers, escapes, the order of members and
/// repeated names are not changed.
///
/// # Errors
/// [`Code::InvalidBody`] for an unpaired surrogate (RFC 8259 §8.2) or too deep nesting. [`Error::TooLarge`] above 4
/// MiB.
pub fn compact(json: Box<RawValue>) -> Result<String> {
    let mut bytes = String::from(Box::<str>::from(json)).into_bytes();
    let mut scan = Scan::default();
    bytes.retain(|byte| scan.keeps(*byte));
    if let Some(problem) = scan.problem {
        return Err(Error::invalid_because(Code::InvalidBody, problem));
    }
    if bytes.len() > MAX_VALUE_BYTES {
        return Err(Error::TooLarge);
    }
    String::from_utf8(bytes).map_err(|error| Error::internal("compacting a value", error))
}

/// Scans well-formed JSON text once, byte by byte. It needs no stack for nested values.
#[derive(Default)]
struct Scan {
    within: Within,
    depth: usize,
    /// The last escape was the first half of a surrogate pair.
    half: bool,
    problem: Option<&'static str>,
}

#[derive(Default)]
enum Within {
    /// Outside strings.
    #[default]
    Tokens,
    /// Inside a string.
    Text,
    /// After the backslash of an escape.
    Escape,
    /// Inside the hexadecimal digits of an escape: how many have been read, and their value.
    Digits(u8, u32),
}

impl Scan {
    fn keeps(&mut self, byte: u8) -> bool {
        match self.within {
            Within::Tokens => return self.token(byte),
            Within::Text => self.text(byte),
            Within::Escape if byte == b'u' => self.within = Within::Digits(0, 0),
            Within::Escape => {
                self.expect_whole();
                self.within = Within::Text;
            }
            Within::Digits(read, value) => {
                let value = value * 16 + char::from(byte).to_digit(16).unwrap_or_default();
                self.within = if read == 3 { Within::Text } else { Within::Digits(read + 1, value) };
                if read == 3 {
                    self.code_unit(value);
                }
            }
        }
        true
    }

    fn token(&mut self, byte: u8) -> bool {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => return false,
            b'"' => self.within = Within::Text,
            b'[' | b'{' => {
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    self.problem = Some("the value is nested deeper than 10,000 levels");
                }
            }
            b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        true
    }

    fn text(&mut self, byte: u8) {
        match byte {
            b'\\' => self.within = Within::Escape,
            _ => self.expect_whole(),
        }
        if byte == b'"' {
            self.within = Within::Tokens;
        }
    }

    fn code_unit(&mut self, unit: u32) {
        match unit {
            0xdc00..=0xdfff if self.half => self.half = false,
            0xdc00..=0xdfff => self.refuse_half(),
            0xd800..=0xdbff => {
                self.expect_whole();
                self.half = true;
            }
            _ => self.expect_whole(),
        }
    }

    fn expect_whole(&mut self) {
        if std::mem::take(&mut self.half) {
            self.refuse_half();
        }
    }

    fn refuse_half(&mut self) {
        self.problem = Some("the value has half of a surrogate pair");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(sent: &str) -> Result<String> {
        compact(serde_json::from_str(sent).unwrap())
    }

    #[test]
    fn whitespace_is_removed_and_the_rest_is_kept() {
        for (sent, kept) in [
            (" { \"a b\" : [ 1.50 , 1e400 ] }\n", r#"{"a b":[1.50,1e400]}"#),
            (r#""a \" b \\" "#, r#""a \" b \\""#),
            (r#"["\\" , "x y"]"#, r#"["\\","x y"]"#),
            ("\t18446744073709551616\r\n", "18446744073709551616"),
            (r#"{ "b":1, "a":-0.0E+00, "b":2 }"#, r#"{"b":1,"a":-0.0E+00,"b":2}"#),
            (r#"[ "\u0041\/\u0000 é" ]"#, r#"["\u0041\/\u0000 é"]"#),
        ] {
            assert_eq!(stored(sent).unwrap(), kept);
        }
    }

    #[test]
    fn numbers_of_any_size_are_accepted() {
        for number in ["1e400", "-1E-400", "0.1e99999", &"9".repeat(10_000)] {
            assert_eq!(stored(number).unwrap(), number);
        }
    }

    #[test]
    fn half_a_surrogate_pair_is_refused() {
        for text in [
            r#""\ud800""#,
            r#""\udfff""#,
            r#""\ud800x""#,
            r#""\ud800\n""#,
            r#""\ud800\ud800\udc00""#,
            r#""\udc00\ud800""#,
            r#""\ud83d\u0041""#,
            r#"{"\uD800": 1}"#,
        ] {
            assert!(stored(text).is_err(), "{text}");
        }
        for text in [r#""\ud83d\ude00""#, r#""\uD83D\uDE00x\ud83d\ude00""#, r#""\\ud800""#, r#""\ufffe\ue000""#] {
            assert_eq!(stored(text).unwrap(), text);
        }
    }

    #[test]
    fn nesting_beyond_the_limit_is_refused_without_recursion() {
        let nested = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(stored(&nested(10_000)).is_ok());
        assert!(stored(&nested(10_001)).is_err());
        assert!(stored(&nested(1_000_000)).is_err());
        assert!(stored(&format!("[{}]", vec!["[]"; 20_000].join(","))).is_ok());
        assert!(stored(&format!("{:?}", "[".repeat(20_000))).is_ok());
    }

    #[test]
    fn size_limit_counts_the_stored_text() {
        let padded = format!("{}{:?}", " ".repeat(100), "x".repeat(MAX_VALUE_BYTES - 2));
        assert_eq!(stored(&padded).unwrap().len(), MAX_VALUE_BYTES);
        assert!(matches!(stored(&format!("{:?}", "x".repeat(MAX_VALUE_BYTES - 1))), Err(Error::TooLarge)));
    }
}
