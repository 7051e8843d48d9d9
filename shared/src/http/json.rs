//! JSON from clients: read more strictly than serde's derived readers do, with errors in words for the sender.
//!
//! A derived reader also takes an array of the members' values in the place of an object, and its errors name types of the
//! program. Both are settled here for every body at once, nested objects included, by a layer between serde and
//! `serde_json`.

use std::cell::RefCell;
use std::fmt;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, Expected, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};

use crate::domain::{self, Code, Error};

/// How much of a member's name an error repeats, in characters.
const MAX_NAME_CHARS: usize = 64;

/// Reads a whole text.
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

/// Where reading has come to.
#[derive(Default)]
struct Path(RefCell<Vec<Step>>);

enum Step {
    Member(String),
    Element(usize),
}

impl Path {
    fn enter(&self, step: Step) {
        self.0.borrow_mut().push(step);
    }

    /// Not called on the way out of an error, which therefore knows its place.
    fn leave(&self) {
        self.0.borrow_mut().pop();
    }
}

/// `keys[3].idx: `, and nothing at the top.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = self.0.borrow();
        for (number, step) in steps.iter().enumerate() {
            match step {
                Step::Member(name) if number == 0 => f.write_str(name)?,
                Step::Member(name) => write!(f, ".{name}")?,
                Step::Element(index) => write!(f, "[{index}]")?,
            }
        }
        if steps.is_empty() { Ok(()) } else { f.write_str(": ") }
    }
}

/// An error of the JSON itself, or one of the value in it, in our words.
#[derive(Debug)]
enum Failure<E> {
    Inner(E),
    Words(String),
}

impl<E: serde::de::Error> Failure<E> {
    fn into_inner(self) -> E {
        match self {
            Self::Inner(error) => error,
            Self::Words(words) => E::custom(words),
        }
    }
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inner(error) => error.fmt(f),
            Self::Words(words) => f.write_str(words),
        }
    }
}

impl<E: std::error::Error> std::error::Error for Failure<E> {}

impl<E: serde::de::Error> serde::de::Error for Failure<E> {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Words(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Words(format!("expected {}, found {}", wanted(expected), sent(found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        match found {
            Unexpected::Unsigned(_) | Unexpected::Signed(_) => Self::Words(format!("{} is out of range", sent(found))),
            _ => Self::invalid_type(found, expected),
        }
    }

    fn invalid_length(found: usize, expected: &dyn Expected) -> Self {
        Self::Words(format!("expected {}, found {found} elements", wanted(expected)))
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        Self::Words(format!("expected one of {}", quoted(known)))
    }

    fn unknown_field(_: &str, known: &'static [&'static str]) -> Self {
        Self::Words(format!("there is no such member, only {}", quoted(known)))
    }

    fn missing_field(name: &'static str) -> Self {
        Self::Words(format!("`{name}` is missing"))
    }

    fn duplicate_field(name: &'static str) -> Self {
        Self::Words(format!("`{name}` is there twice"))
    }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn sent(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(number) => format!("the number {number}"),
        Unexpected::Signed(number) => format!("the number {number}"),
        Unexpected::Float(number) => format!("the number {number}"),
        Unexpected::Char(_) | Unexpected::Str(_) | Unexpected::Bytes(_) => "a string".into(),
        Unexpected::Unit | Unexpected::Option => "null".into(),
        Unexpected::Seq => "a list".into(),
        Unexpected::Map => "an object".into(),
        _ => "something else".into(),
    }
}

/// What serde expects, without the names of types. What a reader of this project expects is in plain words already.
fn wanted(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    let plain = match text.as_str() {
        "i8" | "i16" | "i32" | "i64" | "isize" | "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "an object",
        "unit" => "null",
        named if named.starts_with("struct ") => "an object",
        named
            if ["enum ", "tuple ", "unit ", "newtype ", "a tuple ", "an array "]
                .iter()
                .any(|it| named.starts_with(it)) =>
        {
            "something else"
        }
        plain => plain,
    };
    plain.to_owned()
}

/// Reads what `inner` has, whatever it is, and hands it on: so that no error is made below.
struct Reader<'p, D> {
    inner: D,
    path: &'p Path,
    /// Whether this is the name of a member.
    is_name: bool,
}

macro_rules! read_anything {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            self.deserialize_any(visitor)
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Reader<'_, D> {
    fn objects_only<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure<D::Error>> {
        let Self { inner, path, is_name } = self;
        let visitor = Watched { visitor, path, is_name, takes_lists: false };
        inner.deserialize_any(visitor).map_err(Failure::Inner)
    }
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Reader<'_, D> {
    type Error = Failure<D::Error>;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.inner.deserialize_any(Watched::new(visitor, self.path, self.is_name)).map_err(Failure::Inner)
    }

    read_anything! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128 deserialize_u8
        deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64 deserialize_char
        deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf deserialize_unit deserialize_seq
        deserialize_identifier
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.inner.deserialize_option(Watched::new(visitor, self.path, self.is_name)).map_err(Failure::Inner)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Self::Error> {
        self.deserialize_any(visitor)
    }

    /// `serde_json` knows its raw values by this name.
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        let visitor = Watched::new(visitor, self.path, self.is_name);
        self.inner.deserialize_newtype_struct(name, visitor).map_err(Failure::Inner)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Self::Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.objects_only(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.objects_only(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        let visitor = Watched::new(visitor, self.path, self.is_name);
        self.inner.deserialize_enum(name, variants, visitor).map_err(Failure::Inner)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.inner.deserialize_ignored_any(Watched::new(visitor, self.path, self.is_name)).map_err(Failure::Inner)
    }
}

/// A visitor, and what is inside of lists and objects for it.
struct Watched<'p, V> {
    visitor: V,
    path: &'p Path,
    is_name: bool,
    takes_lists: bool,
}

impl<'p, V> Watched<'p, V> {
    fn new(visitor: V, path: &'p Path, is_name: bool) -> Self {
        Self { visitor, path, is_name, takes_lists: true }
    }

    fn note(&self, text: &str) {
        if self.is_name {
            self.path.enter(Step::Member(text.chars().take(MAX_NAME_CHARS).collect()));
        }
    }
}

/// An error of ours as one of the reader below.
fn lower<T, E: serde::de::Error>(result: Result<T, Failure<E>>) -> Result<T, E> {
    result.map_err(Failure::into_inner)
}

macro_rules! visit_scalars {
    ($($method:ident($kind:ty))*) => {$(
        fn $method<E: serde::de::Error>(self, value: $kind) -> Result<Self::Value, E> {
            lower(self.visitor.$method::<Failure<E>>(value))
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Watched<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    visit_scalars! { visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_f64(f64) visit_bytes(&[u8]) }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        self.note(text);
        lower(self.visitor.visit_str::<Failure<E>>(text))
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        self.note(text);
        lower(self.visitor.visit_borrowed_str::<Failure<E>>(text))
    }

    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Self::Value, E> {
        self.note(&text);
        lower(self.visitor.visit_string::<Failure<E>>(text))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        lower(self.visitor.visit_unit::<Failure<E>>())
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        lower(self.visitor.visit_none::<Failure<E>>())
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Self::Value, D::Error> {
        lower(self.visitor.visit_some(Reader { inner, path: self.path, is_name: self.is_name }))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Self::Value, D::Error> {
        lower(self.visitor.visit_newtype_struct(Reader { inner, path: self.path, is_name: self.is_name }))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<Self::Value, A::Error> {
        if !self.takes_lists {
            return lower(Err(Failure::invalid_type(Unexpected::Seq, &"an object")));
        }
        lower(self.visitor.visit_seq(Elements { inner, path: self.path, next: 0 }))
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<Self::Value, A::Error> {
        lower(self.visitor.visit_map(Members { inner, path: self.path }))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, inner: A) -> Result<Self::Value, A::Error> {
        lower(self.visitor.visit_enum(Variants { inner, path: self.path }))
    }
}

/// The elements of a list.
struct Elements<'p, A> {
    inner: A,
    path: &'p Path,
    next: usize,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Elements<'_, A> {
    type Error = Failure<A::Error>;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Self::Error> {
        self.path.enter(Step::Element(self.next));
        let element = self.inner.next_element_seed(Nested { seed, path: self.path, is_name: false });
        let element = element.map_err(Failure::Inner)?;
        self.path.leave();
        self.next += 1;
        Ok(element)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

/// The members of an object.
struct Members<'p, A> {
    inner: A,
    path: &'p Path,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Members<'_, A> {
    type Error = Failure<A::Error>;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Self::Error> {
        self.inner.next_key_seed(Nested { seed, path: self.path, is_name: true }).map_err(Failure::Inner)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Self::Error> {
        let value = self.inner.next_value_seed(Nested { seed, path: self.path, is_name: false });
        let value = value.map_err(Failure::Inner)?;
        self.path.leave();
        Ok(value)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

/// One of several words, with or without something behind it.
struct Variants<'p, A> {
    inner: A,
    path: &'p Path,
}

impl<'de, 'p, A: EnumAccess<'de>> EnumAccess<'de> for Variants<'p, A> {
    type Error = Failure<A::Error>;
    type Variant = Variants<'p, A::Variant>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self::Variant), Self::Error> {
        let path = self.path;
        let (word, inner) = self.inner.variant_seed(Nested { seed, path, is_name: false }).map_err(Failure::Inner)?;
        Ok((word, Variants { inner, path }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Variants<'_, A> {
    type Error = Failure<A::Error>;

    fn unit_variant(self) -> Result<(), Self::Error> {
        self.inner.unit_variant().map_err(Failure::Inner)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Self::Error> {
        let seed = Nested { seed, path: self.path, is_name: false };
        self.inner.newtype_variant_seed(seed).map_err(Failure::Inner)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Self::Error> {
        self.inner.tuple_variant(len, Watched::new(visitor, self.path, false)).map_err(Failure::Inner)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        let visitor = Watched { visitor, path: self.path, is_name: false, takes_lists: false };
        self.inner.struct_variant(fields, visitor).map_err(Failure::Inner)
    }
}

struct Nested<'p, T> {
    seed: T,
    path: &'p Path,
    is_name: bool,
}

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for Nested<'_, T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<T::Value, D::Error> {
        lower(self.seed.deserialize(Reader { inner, path: self.path, is_name: self.is_name }))
    }
}

#[cfg(test)]
mod tests {
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
