//! Lambda's event filter patterns, as far as `template.yaml` uses them: nested objects whose leaves list the accepted
//! values (a literal, or `{"exists": true}`). An unknown rule is an error when the template is read, and never ignored.
//!
//! Source: Lambda developer guide, "Filter rule syntax".

use serde_json::{Map, Value};

#[derive(Debug, Clone, PartialEq)]
pub struct Pattern(Node);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Object(Vec<(String, Node)>),
    AnyOf(Vec<Rule>),
}

#[derive(Debug, Clone, PartialEq)]
enum Rule {
    Equals(Value),
    Exists(bool),
}

impl Pattern {
    /// Parses the JSON text of a pattern.
    ///
    /// # Errors
    /// The reason why the pattern is invalid or not supported.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("filter {text}: {error}"))?;
        node(&value).map(Self).map_err(|rule| format!("filter {text}: {rule} is not supported"))
    }

    /// Whether a record satisfies every member of the pattern.
    pub fn matches(&self, record: &Value) -> bool {
        self.0.matches(Some(record))
    }
}

impl Node {
    fn matches(&self, value: Option<&Value>) -> bool {
        match self {
            Self::Object(members) => {
                members.iter().all(|(name, node)| node.matches(value.and_then(|value| value.get(name))))
            }
            Self::AnyOf(rules) => rules.iter().any(|rule| match rule {
                Rule::Equals(expected) => value == Some(expected),
                // Only a leaf counts as existing, as in Lambda.
                Rule::Exists(wanted) => value.is_some_and(|value| !value.is_object()) == *wanted,
            }),
        }
    }
}

fn node(value: &Value) -> Result<Node, String> {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| Ok((name.clone(), node(value)?)))
            .collect::<Result<_, _>>()
            .map(Node::Object),
        Value::Array(rules) => rules.iter().map(rule).collect::<Result<_, _>>().map(Node::AnyOf),
        other => Err(other.to_string()),
    }
}

fn rule(value: &Value) -> Result<Rule, String> {
    match value {
        Value::Object(members) => exists(members).map(Rule::Exists).ok_or_else(|| value.to_string()),
        Value::Array(_) => Err(value.to_string()),
        literal => Ok(Rule::Equals(literal.clone())),
    }
}

fn exists(members: &Map<String, Value>) -> Option<bool> {
    members.get("exists").filter(|_| members.len() == 1)?.as_bool()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pattern_matches_all_members_and_any_listed_value() {
        let pattern =
            Pattern::parse(r#"{"eventName":["INSERT","MODIFY"],"dynamodb":{"NewImage":{"e":{"S":["x"]}}}}"#).unwrap();
        let record =
            |name: &str, entity: &str| json!({"eventName": name, "dynamodb": {"NewImage": {"e": {"S": entity}}}});
        assert!(pattern.matches(&record("INSERT", "x")));
        assert!(pattern.matches(&record("MODIFY", "x")));
        assert!(!pattern.matches(&record("REMOVE", "x")));
        assert!(!pattern.matches(&record("INSERT", "y")));
        assert!(!pattern.matches(&json!({"eventName": "INSERT", "dynamodb": {}})));
    }

    #[test]
    fn exists_matches_leaves_only() {
        let some = Pattern::parse(r#"{"a":{"b":[{"exists":true}]}}"#).unwrap();
        assert!(some.matches(&json!({"a": {"b": "text"}})));
        assert!(!some.matches(&json!({"a": {"b": {"c": 1}}})));
        assert!(!some.matches(&json!({"a": {}})));
        let none = Pattern::parse(r#"{"a":{"b":[{"exists":false}]}}"#).unwrap();
        assert!(none.matches(&json!({})));
    }

    #[test]
    fn unknown_rule_is_refused() {
        for text in [r#"{"a":[{"prefix":"x"}]}"#, r#"{"a":"x"}"#, r#"{"a":[["x"]]}"#, "not json"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
