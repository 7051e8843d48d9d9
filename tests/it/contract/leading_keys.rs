//! Which partitions of the identity table each function's role may write.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use yaml_serde::Value;

use crate::support::roles::roles;

const WRITES: [&str; 3] = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"];

/// By function, the patterns of the partitions that it may write; `*` without a condition.
fn writable() -> BTreeMap<String, BTreeSet<String>> {
    let template: Value = yaml_serde::from_str(include_str!("../../../template.yaml")).unwrap();
    let resources = template["Resources"].as_mapping().unwrap();
    let functions = resources.values().filter(|resource| resource["Type"] == "AWS::Serverless::Function");
    functions.map(|function| partitions(&function["Properties"])).collect()
}

fn partitions(properties: &Value) -> (String, BTreeSet<String>) {
    let function = properties["CodeUri"].as_str().unwrap().replace("functions/", "");
    let policies = properties.get("Policies").and_then(Value::as_sequence).into_iter().flatten();
    let statements = policies.flat_map(|policy| policy["Statement"].as_sequence().unwrap());
    let writes = statements.filter(|statement| {
        let actions = texts(&statement["Action"]);
        let on_identity = texts(&statement["Resource"]).iter().any(|resource| resource.contains("IdentityTable"));
        let known = actions.iter().all(|action| !action.contains('*'));
        assert!(known, "{function}: an action with a wildcard");
        on_identity && actions.iter().any(|action| WRITES.contains(&action.as_str()))
    });
    let patterns = writes.flat_map(|statement| match statement.get("Condition").and_then(Value::as_mapping) {
        None => vec!["*".to_owned()],
        Some(condition) => {
            let (operator, keys) = condition.iter().next().unwrap();
            assert!(
                operator.as_str().unwrap().starts_with("ForAllValues:String") && condition.len() == 1,
                "{function}"
            );
            texts(&keys["dynamodb:LeadingKeys"])
        }
    });
    (function.clone(), patterns.collect())
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Sequence(values) => values.iter().flat_map(texts).collect(),
        Value::Tagged(tagged) => texts(&tagged.value),
        value => vec![value.as_str().unwrap().to_owned()],
    }
}

/// The functions that may write a partition.
fn writers(partition: &str) -> Vec<String> {
    let matches = |pattern: &String| match pattern.strip_suffix('*') {
        Some(start) => partition.starts_with(start),
        None => partition == pattern,
    };
    writable().into_iter().filter(|(_, patterns)| patterns.iter().any(matches)).map(|(function, _)| function).collect()
}

const ID: &str = "0190a5d0-ac96-774b-bcce-b302099a8057";

#[test]
fn only_roles_that_sign_or_rotate_write_public_keys() {
    assert_eq!(writers("public-keys"), ["key-rotation", "token-refresh"]);
}

#[test]
fn only_sign_in_writes_who_is_an_administrator() {
    assert_eq!(writers(&format!("administrator#{ID}")), ["identity"]);
}

#[test]
fn only_sign_in_writes_whose_an_identity_is() {
    assert_eq!(writers("identity#github#583231"), ["identity"]);
}

#[test]
fn admin_reaches_only_the_cursor_seed_of_the_kv_table() {
    let call = |pk: &str| json!({"TableName": "terrapi-kv", "Key": {"pk": {"S": pk}}, "Item": {"pk": {"S": pk}}});
    for operation in ["GetItem", "PutItem"] {
        assert_eq!(roles()["admin"].refusal(operation, &call("cursor-seed")), None);
        assert!(roles()["admin"].refusal(operation, &call("github#12345")).is_some(), "{operation}");
    }
}

#[test]
fn no_role_writes_every_partition() {
    for (function, patterns) in writable() {
        assert!(!patterns.contains("*"), "{function}");
    }
    assert_eq!(writers(&format!("key#{ID}")), ["admin", "token-refresh"]);
}
