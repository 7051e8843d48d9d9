//! The text of an error in a JSON value.

use std::fmt;

use serde::de::{Expected, Unexpected};

/// An error of the JSON or of a value in it, in words that name no type of the program.
#[derive(Debug)]
pub enum Failure<E> {
    Inner(E),
    Words(String),
}

impl<E: serde::de::Error> Failure<E> {
    pub fn into_inner(self) -> E {
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

/// What serde expects, without the names of types. The expectations of this project's own visitors are plain text
/// already.
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
