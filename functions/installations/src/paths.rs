//! The path parameters that name a group.

use utoipa::IntoParams;

/// A group in a path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "a description: handlers take InGroup")]
pub struct GroupPath {
    /// The group.
    #[param(pattern = "^(0|[1-9][0-9]{0,18})$", example = "555")]
    id: String,
}

/// A group in a path whose parameter is called `installation_id`.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "a description: handlers take InGroup")]
pub struct GroupInstallationPath {
    /// The group.
    #[param(pattern = "^(0|[1-9][0-9]{0,18})$", example = "555")]
    installation_id: String,
}
