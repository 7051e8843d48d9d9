//! Typed reading and writing of item attributes.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::keys::{PK, SK};
use crate::domain::{Error, Result};

/// An item, or a map within one.
pub type Item = HashMap<String, AttributeValue>;

pub fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub fn n<T: ToString + Copy>(number: T) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub fn b(bytes: impl Into<Vec<u8>>) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

/// A set of strings. DynamoDB does not accept an empty one.
pub fn ss(texts: impl IntoIterator<Item = impl ToString>) -> AttributeValue {
    AttributeValue::Ss(texts.into_iter().map(|text| text.to_string()).collect())
}

pub fn json(value: &impl Serialize) -> Result<AttributeValue> {
    serde_json::to_string(value).map(AttributeValue::S).map_err(|error| Error::internal("writing an attribute", error))
}

/// The key of an item whose sort key is a text.
pub fn key(pk: impl Into<String>, sk: impl Into<String>) -> Item {
    Item::from([(PK.to_owned(), s(pk)), (SK.to_owned(), s(sk))])
}

/// The item of an entity, in the first version of its schema.
pub fn entity<const N: usize>(key: Item, entity: &str, attributes: [(&str, AttributeValue); N]) -> Item {
    let mut item = key;
    item.extend([("entity".to_owned(), s(entity)), ("schema".to_owned(), n(1))]);
    item.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
    item
}

/// Typed access to attributes. A missing or mistyped attribute is an internal error, never the caller's.
pub trait Attributes {
    fn find_text(&self, name: &str) -> Option<&str>;
    fn find_number<T: std::str::FromStr>(&self, name: &str) -> Option<T>;
    fn find_bytes(&self, name: &str) -> Option<&[u8]>;
    fn find_map(&self, name: &str) -> Option<&Item>;
    fn find_texts(&self, name: &str) -> Option<&[String]>;

    /// `false` if the attribute is absent.
    fn find_flag(&self, name: &str) -> bool;

    fn text(&self, name: &str) -> Result<&str> {
        self.find_text(name).ok_or(Error::corrupt_item("an item lacks a string attribute"))
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T> {
        self.find_number(name).ok_or(Error::corrupt_item("an item lacks a number attribute"))
    }

    fn bytes(&self, name: &str) -> Result<&[u8]> {
        self.find_bytes(name).ok_or(Error::corrupt_item("an item lacks a binary attribute"))
    }

    fn uuid(&self, name: &str) -> Result<Uuid> {
        Uuid::from_slice(self.bytes(name)?).map_err(|error| Error::internal("an item's UUID is malformed", error))
    }

    fn parsed<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        serde_json::from_str(self.text(name)?)
            .map_err(|error| Error::internal("an item's JSON attribute is malformed", error))
    }
}

impl Attributes for Item {
    fn find_text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_s().ok().map(String::as_str)
    }

    fn find_number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.get(name)?.as_n().ok()?.parse().ok()
    }

    fn find_bytes(&self, name: &str) -> Option<&[u8]> {
        self.get(name)?.as_b().ok().map(AsRef::as_ref)
    }

    fn find_map(&self, name: &str) -> Option<&Item> {
        self.get(name)?.as_m().ok()
    }

    fn find_texts(&self, name: &str) -> Option<&[String]> {
        self.get(name)?.as_ss().ok().map(Vec::as_slice)
    }

    fn find_flag(&self, name: &str) -> bool {
        self.get(name).and_then(|value| value.as_bool().ok()).copied().unwrap_or_default()
    }
}
