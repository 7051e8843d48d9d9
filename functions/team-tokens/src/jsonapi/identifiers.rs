//! Lists of resources that clients add to a relationship or remove from it.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;
use terrapi::domain::Error;
use utoipa::ToSchema;

use super::{Payload, Problem};

/// The maximum size of a list in bytes.
const MAX_BYTES: usize = 128 * 1024;
/// The maximum number of resources in a list.
const MAX_THINGS: usize = 500;

/// Resources to add to a relationship or to remove from it: at most 500.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "a description: handlers take Payload")]
pub struct Identifiers {
    #[schema(max_items = 500)]
    data: Vec<IdentifierOf>,
}

/// One resource.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "a description: handlers take Payload")]
pub struct IdentifierOf {
    /// Its type.
    r#type: String,
    /// Its id. For a user, the login.
    id: String,
}

impl Payload {
    /// The ids of the resources, which must all have this type.
    pub fn identifiers(self, r#type: &str) -> Result<BTreeSet<String>, Problem> {
        let wrong = || Problem::attribute("/data", format!("Data is not a list of up to {MAX_THINGS} {type}"));
        let bytes = self.bytes()?.unwrap_or_default();
        if bytes.len() > MAX_BYTES {
            return Err(Error::TooLarge.into());
        }
        if bytes.is_empty() {
            return Err(wrong());
        }
        let body: Value = serde_json::from_slice(&bytes).map_err(|_| Problem::bad_request("The body is not JSON"))?;
        let things = body.get("data").and_then(Value::as_array).filter(|things| things.len() <= MAX_THINGS);
        let id = |thing: &Value| {
            let fits = thing.get("type").and_then(Value::as_str) == Some(r#type);
            thing.get("id").and_then(Value::as_str).filter(|id| fits && !id.is_empty()).map(str::to_owned)
        };
        things.and_then(|things| things.iter().map(id).collect()).ok_or_else(wrong)
    }
}
