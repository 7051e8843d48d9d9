//! The routes for administrators.

mod administrative_access;
mod audit_trail;
pub mod dead_letters;
pub mod drifts;
mod key_audit;
mod key_capabilities;
mod key_lineage;
mod keys;
mod keys_within_limits;
mod members_and_organizations;
mod stored_runs;
mod tasks;

use serde_json::Value;

use crate::support::TestService;

/// Follows the links of an administrator's listing. Returns the results of each page.
async fn pages(service: &TestService, mut path: String) -> Vec<Vec<Value>> {
    let mut pages = Vec::new();
    let token = service.admin_token(&[]);
    loop {
        let reply = service.get(&path, &token).await;
        pages.push(reply.ok()["results"].as_array().unwrap().clone());
        match reply.next() {
            Some(next) => path = next,
            None => return pages,
        }
    }
}
