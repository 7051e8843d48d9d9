//! Organizations, teams and their tokens, as clients of the HCP Terraform API use them.

mod audited_changes;
mod concurrent_changes;
mod described_tokens;
mod legacy_tokens;
mod organization_tokens;
mod organizations;
mod owners;
mod published_clients;
mod rate_limits;
mod refusals;
mod settings;
mod shown_secrets;
mod storage_faults;
mod team_members;
mod teams;
mod token_life;
mod token_list;
mod token_to_record;
mod unsupported;

use http::Method;
use serde_json::{Value, json};

use crate::support::organizations::PLATFORM;
use crate::support::{Reply, TestService};

/// The URL path of the list of acme's tokens.
const LIST: &str = "/api/v2/organizations/acme/team-tokens";
const ORGANIZATIONS: &str = "/api/v2/organizations";
/// A URL path that any token may read.
const ACCOUNT: &str = "/api/v2/account/details";

/// A request body with these attributes.
fn body(attributes: &Value) -> Value {
    json!({"data": {"attributes": attributes}})
}

/// The URL path of the platform team's legacy token.
fn legacy() -> String {
    format!("/api/v2/teams/{PLATFORM}/authentication-token")
}

/// The URL path where the platform team's described tokens are created.
fn described() -> String {
    format!("/api/v2/teams/{PLATFORM}/authentication-tokens")
}

/// The URL path of the token in a document's `data`.
fn by_id(data: &Value) -> String {
    format!("/api/v2/authentication-tokens/{}", data["id"].as_str().unwrap())
}

/// Asserts this status and returns the `data` of the document.
#[track_caller]
fn data(reply: &Reply, status: u16) -> Value {
    assert_eq!(reply.status.as_u16(), status, "{reply:?}");
    reply.json()["data"].clone()
}

/// The secret in the `data` of a creation.
#[track_caller]
fn secret(data: &Value) -> String {
    data["attributes"]["token"].as_str().unwrap().to_owned()
}

/// Asserts this status and returns (title, pointer or parameter) of the only error.
#[track_caller]
fn problem(reply: &Reply, status: u16) -> (String, Option<String>) {
    assert_eq!(reply.status.as_u16(), status, "{reply:?}");
    let document = reply.json();
    let [error] = document["errors"].as_array().unwrap().as_slice() else { panic!("{document}") };
    assert_eq!(error["status"], status.to_string());
    let source = ["pointer", "parameter"].iter().find_map(|place| error["source"][place].as_str());
    (error["title"].as_str().unwrap().to_owned(), source.map(str::to_owned))
}

/// The status of a request with this secret.
async fn status(service: &TestService, secret: &str) -> u16 {
    service.call(Method::GET, ACCOUNT, secret, None).await.status.as_u16()
}
