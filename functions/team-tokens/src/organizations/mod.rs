//! Organizations, as far as their teams' tokens need them.

pub mod create;
pub mod delete;
mod document;
pub mod entitlements;
pub mod list;
mod read;
pub mod show;
pub mod update;

/// The type of an organization.
const TYPE: &str = "organizations";

/// `{organization_name}`
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "a description: handlers take Named")]
pub struct OrganizationPath {
    /// The organization's name.
    #[param(example = "acme")]
    organization_name: String,
}
