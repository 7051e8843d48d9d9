//! Every storage call of a function is within its role in `template.yaml`.
//!
//! All suites prove it: in a service each function calls storage in its own name, and the endpoint between them refuses what
//! the role does not allow and fails the test. Here are the calls that only recovery makes, the evaluation itself, and the
//! other direction: that the functions use what their roles allow.

mod bucket;
mod used;

use serde_json::json;
use terrapi::domain::{InstallationId, Namespace, Vcs};

use crate::support::TestService;
use crate::support::roles::roles;
use crate::support::service::KV;

#[test]
fn call_not_allowed_by_the_role_is_reported() {
    let read = |table: &str| json!({"TableName": table, "Key": {"pk": {"S": "user#1"}, "sk": {"S": "a"}}});
    let kv_store = &roles()["kv-store"];
    assert_eq!(kv_store.refusal("GetItem", &read("terrapi-identity")), None);
    let refused = |table, operation| kv_store.refusal(operation, &read(table)).unwrap();
    assert_eq!(
        refused("identity-0123abc", "UpdateItem"),
        r#"dynamodb:UpdateItem on IdentityTable.Arn ["user#1"]"#,
        "the role writes sessions and budgets only"
    );
    assert_eq!(refused("terrapi-operations", "GetItem"), r#"dynamodb:GetItem on OperationsTable.Arn ["user#1"]"#);
    let check =
        json!({"TransactItems": [{"ConditionCheck": read("terrapi-kv")}, {"Delete": read("terrapi-identity")}]});
    assert!(kv_store.refusal("TransactWriteItems", &check).unwrap().starts_with("dynamodb:DeleteItem on Identity"));
    assert!(roles()["console"].refusal("GetItem", &read("terrapi-identity")).is_some());
}

#[test]
fn query_is_judged_by_its_index_and_partition() {
    let query = |index: Option<&str>, pk: &str| {
        let mut body = json!({
            "TableName": "terrapi-identity",
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :sk)",
            "ExpressionAttributeValues": {":pk": {"S": pk}, ":sk": {"S": "a"}},
        });
        index.inspect(|index| body["IndexName"] = json!(index));
        body
    };
    assert_eq!(roles()["admin"].refusal("Query", &query(Some("trail"), "x")), None);
    assert!(roles()["kv-store"].refusal("Query", &query(Some("trail"), "x")).is_some());
    assert_eq!(roles()["key-rotation"].refusal("Query", &query(None, "public-keys")), None);
    assert!(roles()["key-rotation"].refusal("Query", &query(None, "user#1")).is_some());
}

/// What a commit does that finds 256 unfolded ones in the head: it folds them in the worker's place.
#[tokio::test]
async fn commits_are_folded_within_the_role_of_kv_store() {
    let service = TestService::new().await;
    let token = service.kv_token();
    service.stage(&token, "k", &[json!("folded")]).await;
    service.post(&format!("{KV}/commit"), &token, json!({"keys": [{"key": "k"}]})).await.ok();
    let namespace = Namespace { vcs: Vcs::Github, installation: InstallationId::new(12345) };
    assert_eq!(service.app_of("kv-store").store.fold_commits(namespace).await.unwrap(), 1);
    assert_eq!(service.get(&format!("{KV}/key/k"), &token).await.ok()["data"], "folded");
}
