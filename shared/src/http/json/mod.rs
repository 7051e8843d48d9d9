//! Parses JSON from clients more strictly than serde's derived implementations, with errors that the sender
//! understands.
//!
//! A derived implementation also accepts an array of the members' values instead of an object, and its errors name
//! types of the program. A layer between serde and `serde_json` prevents both for every body, including nested objects.

mod failure;
mod path;
mod reader;

use serde::de::DeserializeOwned;

use self::failure::Failure;
use self::path::Path;
use self::reader::Reader;
use crate::domain::{self, Code, Error};

/// Parses a whole text as one value.
///
/// # Errors
/// [`Code::InvalidBody`], which says what is wrong and where: `capabilities: expected a list, found a string at line 1
/// column 24`.
pub fn read_json<T: DeserializeOwned>(text: &str) -> domain::Result<T> {
    let path = Path::default();
    let mut json = serde_json::Deserializer::from_str(text);
    let read = T::deserialize(Reader { inner: &mut json, path: &path, is_name: false });
    let read = read.map_err(Failure::into_inner).and_then(|value| json.end().map(|()| value));
    read.map_err(|error| Error::invalid_because(Code::InvalidBody, format!("{path}{error}")))
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use serde::Deserialize;
    use serde_json::Value;
    use serde_json::value::RawValue;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Outer {
        name: String,
        list: Vec<Inner>,
        flag: Option<bool>,
        kind: Option<Kind>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        idx: Option<i64>,
        small: Option<u8>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        One,
        Other,
    }

    fn problem<T: DeserializeOwned + fmt::Debug>(text: &str) -> String {
        match read_json::<T>(text).unwrap_err() {
            Error::Invalid { code: Code::InvalidBody, data: Some(data) } => data,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn bodies_that_match_the_schema_are_accepted() {
        let text = r#"{"flag": null, "more": [{"x": [1]}], "list": [{"idx": 7}, {}], "name": "é\n", "kind": "other"}"#;
        let inner = |idx| Inner { idx, small: None };
        let read =
            Outer { name: "é\n".into(), list: vec![inner(Some(7)), inner(None)], flag: None, kind: Some(Kind::Other) };
        assert_eq!(read_json::<Outer>(text).unwrap(), read);
        for text in ["null", "[1, 1.5, -2, true, {\"a\": \"b\"}]", "18446744073709551615", "{\"a\": {\"b\": [null]}}"] {
            assert_eq!(read_json::<Value>(text).unwrap(), serde_json::from_str::<Value>(text).unwrap());
            let raw: Box<RawValue> = read_json(text).unwrap();
            assert_eq!(raw.get(), text);
        }
        assert_eq!(read_json::<Option<Outer>>("null").unwrap(), None);
        assert_eq!(read_json::<std::collections::BTreeMap<String, u8>>(r#"{"a": 1}"#).unwrap()["a"], 1);
        assert_eq!(read_json::<(u8, String)>(r#"[1, "a"]"#).unwrap(), (1, "a".into()));
    }

    #[test]
    fn array_is_refused_for_an_object_at_any_depth() {
        let list = "expected an object, found a list at line 1 column ";
        assert!(problem::<Outer>(r#"["n", [], null, null]"#).starts_with(list));
        assert!(problem::<Outer>(r#"{"name": "n", "list": [{}, [1, 2]]}"#).starts_with(&format!("list[1]: {list}")));
        assert!(problem::<Option<std::collections::BTreeMap<String, u8>>>("[]").starts_with(list));
    }

    #[test]
    fn body_errors_are_described_in_plain_words() {
        let table = [
            ("1", "expected an object, found the number 1"),
            ("null", "expected an object, found null"),
            (r#"{"list": []}"#, "`name` is missing"),
            (r#"{"name": 1.5}"#, "name: expected a string, found the number 1.5"),
            (r#"{"name": null}"#, "name: expected a string, found null"),
            (r#"{"name": ["a"]}"#, "name: expected a string, found a list"),
            (r#"{"name": "a", "name": "b"}"#, "name: `name` is there twice"),
            (r#"{"list": "a"}"#, "list: expected a list, found a string"),
            (r#"{"list": {}}"#, "list: expected a list, found an object"),
            (r#"{"flag": "true"}"#, "flag: expected true or false, found a string"),
            (r#"{"kind": "third"}"#, "kind: expected one of `one`, `other`"),
            (r#"{"list": [{"idx": 1.5}]}"#, "list[0].idx: expected a whole number, found the number 1.5"),
            (r#"{"list": [{"idx": "1"}]}"#, "list[0].idx: expected a whole number, found a string"),
            (
                r#"{"list": [{"idx": 9223372036854775808}]}"#,
                "list[0].idx: the number 9223372036854775808 is out of range",
            ),
            (r#"{"list": [{"small": -1}]}"#, "list[0].small: the number -1 is out of range"),
            (r#"{"list": [{"x": 1}]}"#, "list[0].x: there is no such member, only `idx`, `small`"),
        ];
        for (text, words) in table {
            let problem = problem::<Outer>(text);
            assert!(problem.starts_with(&format!("{words} at line 1 column ")), "{text}: {problem}");
        }
    }

    #[test]
    fn json_errors_name_member_line_and_column() {
        for (text, problem_text) in [
            ("", "EOF while parsing a value at line 1 column 0"),
            ("{", "EOF while parsing an object at line 1 column 1"),
            ("{\"name\": \"a\"\n x}", "expected `,` or `}` at line 2 column 2"),
            ("{\"name\": \"\\ud800\"}", "name: unexpected end of hex escape at line 1 column 17"),
        ] {
            assert_eq!(problem::<Outer>(text), problem_text, "{text}");
        }
        let after = problem::<Value>("{}x");
        assert_eq!(after, "trailing characters at line 1 column 3");
        let deep = format!("{{\"list\": {}", "[".repeat(1_000));
        assert!(problem::<Outer>(&deep).starts_with("list[0]: expected an object, found a list at line 1 "));
        let name = "n".repeat(100_000);
        assert!(problem::<Value>(&format!("{{\"{name}\": x}}")).len() < 200);
    }
}
