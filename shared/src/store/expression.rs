//! What the placeholders of expressions stand for: `:name` for a value, and `#name` for the attribute `name`, which is
//! written so if its name is a reserved word of DynamoDB.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::item::Item;

/// The `#name`s in an expression, with the attributes that they stand for.
pub fn names_in(expression: &str) -> impl Iterator<Item = (String, String)> + '_ {
    let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let names = expression.split('#').skip(1).filter_map(move |text| text.split(|letter| !is_of_name(letter)).next());
    names.map(|name| (format!("#{name}"), name.to_owned()))
}

/// DynamoDB does not accept an empty map of names or values.
pub fn some<V>(map: HashMap<String, V>) -> Option<HashMap<String, V>> {
    (!map.is_empty()).then_some(map)
}

/// A condition on one item, with its values.
pub struct Condition {
    pub text: String,
    pub values: Option<Item>,
}

impl Condition {
    pub fn names(&self) -> Option<HashMap<String, String>> {
        some(names_in(&self.text).collect())
    }
}

impl From<&str> for Condition {
    fn from(text: &str) -> Self {
        (text, []).into()
    }
}

impl<const N: usize> From<(&str, [(&str, AttributeValue); N])> for Condition {
    fn from((text, values): (&str, [(&str, AttributeValue); N])) -> Self {
        Self { text: text.to_owned(), values: some(values.map(|(name, value)| (name.to_owned(), value)).into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_name_the_attributes_of_the_same_names() {
        let found: Vec<_> = names_in("SET entity = :e, #schema = :s, a.#b_2=:x REMOVE #ttl").collect();
        let expected = [("#schema", "schema"), ("#b_2", "b_2"), ("#ttl", "ttl")];
        assert_eq!(found, expected.map(|(placeholder, name)| (placeholder.to_owned(), name.to_owned())));
    }
}
