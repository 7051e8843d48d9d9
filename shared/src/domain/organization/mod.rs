//! Organizations, their teams, and the tokens of both, as HCP Terraform's API has them.
//!
//! An organization belongs to an installation. Each team has capabilities there, which access tokens get that are
//! issued for its team tokens. [`Role`] decides what somebody may do in an organization.

mod authority;
mod flags;
mod ids;
mod listing;
mod names;
mod role;
mod team;
mod team_token;

pub use authority::{Authority, Right};
pub use flags::{OrganizationAccess, OrganizationAccessChange, OrganizationSettings, OrganizationSettingsChange};
pub use ids::{
    OrganizationCode, OrganizationId, TeamId, TeamTokenId, membership_id, organization_of_membership, user_number,
};
pub use listing::{ExpiryStatus, ListedToken, SortKey, TokenOrder};
pub use names::{Description, Email, OrganizationName, TeamName};
pub use role::Role;
pub use team::{ExecutionMode, Organization, Team, Visibility};
pub use team_token::{Creator, TeamToken, TokenHolder};
