//! The roles of the functions, as `template.yaml` grants them: whether a call is within one, and what of one is used.
//!
//! IAM's evaluation as far as the template uses it: `Allow` statements, exact actions, and `dynamodb:LeadingKeys` with
//! `ForAllValues`. Whatever else a statement says fails the tests until it is evaluated here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::Value as Json;
use yaml_serde::Value;

use super::faulty::Judge;

/// The permissions of a function.
#[derive(Debug, Default)]
pub struct Role(Vec<Statement>);

#[derive(Debug)]
struct Statement {
    actions: Vec<String>,
    /// As the template names them: `KvTable.Arn`, `IdentityTable.Arn/index/trail`, `Blobs.Arn/*`, `SigningSeed`.
    resources: Vec<String>,
    /// Patterns of the partition keys that a call may name; any key, when there is no such condition.
    leading_keys: Option<Vec<String>>,
}

/// One access that a call makes.
#[derive(Debug)]
struct Access {
    action: String,
    resource: String,
    leading_keys: Vec<String>,
}

/// The roles in `template.yaml`, by function.
pub fn roles() -> &'static BTreeMap<String, Role> {
    static ROLES: OnceLock<BTreeMap<String, Role>> = OnceLock::new();
    ROLES.get_or_init(|| {
        let template: Value = yaml_serde::from_str(include_str!("../../../template.yaml")).unwrap();
        let resources = template["Resources"].as_mapping().unwrap().values();
        let functions = resources.filter(|resource| resource["Type"] == "AWS::Serverless::Function");
        functions.map(|function| role(&function["Properties"])).collect()
    })
}

/// What a caller may not do of a call to `DynamoDB`, S3 or Secrets Manager. A caller is a function when it bears a function's name; every other
/// caller may do everything.
pub fn refusal(caller: &str, operation: &str, body: &Json) -> Option<String> {
    let refusal = roles().get(caller)?.refusal(operation, body)?;
    Some(format!("{caller} may not {refusal}"))
}

/// What callers have used of their roles.
#[derive(Clone, Default)]
pub struct Uses(Arc<Mutex<BTreeSet<String>>>);

impl Uses {
    /// Judges calls as [`refusal`] does, and records what they use.
    pub fn judge(&self) -> Judge {
        let uses = self.clone();
        Arc::new(move |caller, operation, body| {
            uses.record(caller, operation, body);
            refusal(caller, operation, body)
        })
    }

    /// Records what a call uses of its caller's role. Of two statements that allow the same, the first is used.
    pub fn record(&self, caller: &str, operation: &str, body: &Json) {
        let Some(role) = roles().get(caller) else { return };
        for access in accesses(operation, body) {
            let Some(number) = role.0.iter().position(|statement| statement.permits(&access)) else { continue };
            let patterns = role.0[number].leading_keys.iter().flatten();
            let used = patterns.filter(|pattern| access.leading_keys.iter().any(|key| matches(pattern, key)));
            let mut recorded = self.0.lock().unwrap();
            recorded.extend(used.map(|pattern| partition_grant(caller, number, pattern)));
            recorded.insert(action_grant(caller, number, &access.action, &access.resource));
        }
    }

    /// What no call has used: each action of a statement on each of its resources, and each of its patterns of partitions.
    pub fn unused(&self) -> BTreeSet<String> {
        let granted = roles().iter().flat_map(|(function, role)| role.grants(function));
        let used = self.0.lock().unwrap();
        granted.filter(|grant| !used.contains(grant)).collect()
    }
}

fn action_grant(function: &str, statement: usize, action: &str, resource: &str) -> String {
    format!("{function}, statement {}: {action} on {resource}", statement + 1)
}

fn partition_grant(function: &str, statement: usize, pattern: &str) -> String {
    format!("{function}, statement {}: partitions {pattern}", statement + 1)
}

fn role(properties: &Value) -> (String, Role) {
    let name = properties["CodeUri"].as_str().unwrap().strip_prefix("functions/").unwrap().to_owned();
    let policies = properties.get("Policies").and_then(Value::as_sequence).into_iter().flatten();
    let statements = policies.flat_map(|policy| policy["Statement"].as_sequence().unwrap());
    (name, Role(statements.map(statement).collect()))
}

fn statement(statement: &Value) -> Statement {
    assert_eq!(statement["Effect"], "Allow");
    let conditions = statement.get("Condition").and_then(Value::as_mapping);
    let leading_keys = conditions.map(|conditions| {
        assert_eq!(conditions.len(), 1, "{conditions:?}");
        let (operator, condition) = conditions.iter().next().unwrap();
        assert!(["ForAllValues:StringLike", "ForAllValues:StringEquals"].contains(&operator.as_str().unwrap()));
        assert_eq!(condition.as_mapping().unwrap().len(), 1, "{condition:?}");
        texts(&condition["dynamodb:LeadingKeys"])
    });
    Statement { actions: texts(&statement["Action"]), resources: texts(&statement["Resource"]), leading_keys }
}

/// A text or a list of texts. `!GetAtt`, `!Ref` and `!Sub` give what they name.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Sequence(values) => values.iter().flat_map(texts).collect(),
        Value::Tagged(tagged) => texts(&tagged.value),
        value => vec![value.as_str().unwrap().replace("${", "").replace('}', "")],
    }
}

impl Role {
    /// Whether an action on a resource is allowed, whatever keys it names.
    pub fn allows(&self, action: &str, resource: &str) -> bool {
        self.permits(&Access { action: action.into(), resource: resource.into(), leading_keys: Vec::new() })
    }

    /// Every resource that the role names.
    pub fn resources(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|statement| &statement.resources).map(String::as_str)
    }

    fn grants(&self, function: &str) -> Vec<String> {
        let mut grants = Vec::new();
        for (number, statement) in self.0.iter().enumerate() {
            for action in &statement.actions {
                let on = statement.resources.iter().map(|resource| action_grant(function, number, action, resource));
                grants.extend(on);
            }
            let patterns = statement.leading_keys.iter().flatten();
            grants.extend(patterns.map(|pattern| partition_grant(function, number, pattern)));
        }
        grants
    }

    /// What the role refuses of a call: `dynamodb:DeleteItem on KvTable.Arn ["github#12345"]`.
    pub fn refusal(&self, operation: &str, body: &Json) -> Option<String> {
        let refused = accesses(operation, body).into_iter().find(|access| !self.permits(access))?;
        Some(format!("{} on {} {:?}", refused.action, refused.resource, refused.leading_keys))
    }

    fn permits(&self, access: &Access) -> bool {
        self.0.iter().any(|statement| statement.permits(access))
    }
}

impl Statement {
    fn permits(&self, access: &Access) -> bool {
        let keys = |patterns: &Vec<String>| {
            access.leading_keys.iter().all(|key| patterns.iter().any(|pattern| matches(pattern, key)))
        };
        self.actions.contains(&access.action)
            && self.resources.contains(&access.resource)
            && self.leading_keys.as_ref().is_none_or(keys)
    }
}

/// `StringLike` with a `*` at the end only.
fn matches(pattern: &str, key: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => key.starts_with(start),
        None => pattern == key,
    }
}

fn accesses(operation: &str, body: &Json) -> Vec<Access> {
    let one = |action: &str, table: &str, keys: Vec<String>| Access {
        action: format!("dynamodb:{action}"),
        resource: resource(table, body["IndexName"].as_str()),
        leading_keys: keys,
    };
    let key = |item: &Json| vec![item["pk"]["S"].as_str().unwrap_or_default().to_owned()];
    let table = |call: &Json| call["TableName"].as_str().unwrap().to_owned();
    match operation {
        "PutItem" => vec![one(operation, &table(body), key(&body["Item"]))],
        "GetItem" | "UpdateItem" | "DeleteItem" => vec![one(operation, &table(body), key(&body["Key"]))],
        "Query" => vec![one(operation, &table(body), vec![queried(body)])],
        "BatchGetItem" => {
            let tables = body["RequestItems"].as_object().unwrap().iter();
            tables
                .map(|(table, asked)| {
                    let keys = asked["Keys"].as_array().unwrap().iter().flat_map(key).collect();
                    one(operation, table, keys)
                })
                .collect()
        }
        "TransactWriteItems" => {
            let items = body["TransactItems"].as_array().unwrap().iter().flat_map(|item| item.as_object().unwrap());
            items
                .map(|(kind, call)| {
                    let named = if kind == "Put" { &call["Item"] } else { &call["Key"] };
                    // `Put` needs `dynamodb:PutItem`, and so on.
                    let action = if kind == "ConditionCheck" { "ConditionCheckItem" } else { &format!("{kind}Item") };
                    one(action, &table(call), key(named))
                })
                .collect()
        }
        "GetObject" | "PutObject" | "DeleteObject" => vec![whole(format!("s3:{operation}"), "Blobs.Arn/*")],
        "ListBucket" => vec![whole(format!("s3:{operation}"), "Blobs.Arn")],
        "DescribeSecret" | "GetSecretValue" | "PutSecretValue" | "UpdateSecretVersionStage" => {
            vec![whole(format!("secretsmanager:{operation}"), secret(body["SecretId"].as_str().unwrap()))]
        }
        other => panic!("{other} has no rule in the evaluation of roles"),
    }
}

/// An access to a resource that has no partitions.
fn whole(action: String, resource: &str) -> Access {
    Access { action, resource: resource.into(), leading_keys: Vec::new() }
}

/// The name in a secret's ARN, `arn:…:secret:SigningSeed-AbCdEf`. Tests name a secret as the template does.
fn secret(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap().split('-').next().unwrap()
}

/// The partition key that a query names: what stands first in its key condition.
fn queried(body: &Json) -> String {
    let condition = body["KeyConditionExpression"].as_str().unwrap();
    let value = condition.split(['=', ' ', ')']).find(|word| word.starts_with(':')).unwrap();
    body["ExpressionAttributeValues"][value]["S"].as_str().unwrap_or_default().to_owned()
}

/// `terrapi-kv` of the embedded engine, or `kv-<suffix>` of another one: `KvTable.Arn`.
fn resource(table: &str, index: Option<&str>) -> String {
    let role = table.strip_prefix("terrapi-").unwrap_or(table).split('-').next().unwrap();
    let (first, rest) = role.split_at(1);
    let table = format!("{}{rest}Table.Arn", first.to_ascii_uppercase());
    index.map_or(table.clone(), |index| format!("{table}/index/{index}"))
}
