//! Teams, as far as their tokens need them.

pub mod create;
pub mod delete;
mod document;
pub mod list;
mod notes;
mod read;
pub mod show;
pub mod update;

/// The type of a team.
const TYPE: &str = "teams";

/// `{team_id}`
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "a description: handlers take Named")]
pub struct TeamPath {
    /// The team's id.
    #[param(example = "team-4nQvD8sYk2LmPx6R")]
    team_id: String,
}
