//! Lists the drift runs of all installations for administrators.

use axum::extract::State;
use serde::Serialize;
use terrapi::domain::{DriftRun, Millis, RunId, RunState, RunType, Vcs};
use terrapi::http::{Administrator, ApiError, ErrorBody, ListQuery, Listed, Page};
use terrapi::runtime::App;
use utoipa::ToSchema;

pub type DriftPage = Page<DriftItem>;

impl Listed for DriftItem {
    const PAGE: [&str; 3] = ["DriftPage", "A page of drift runs.", "The newest first."];
}

/// A drift run.
#[derive(Debug, Serialize, ToSchema)]
pub struct DriftItem {
    /// Identifies the run.
    id: RunId,
    /// The provider of the repository.
    vcs: Vcs,
    /// The installation or GitLab group of the repository.
    installation_id: String,
    /// The account or group that owns the repository.
    owner: String,
    /// The repository's name, without its owner.
    name: String,
    /// The state of the run. An unlock does not change it.
    state: RunState,
    /// The kind of work: for example a plan.
    run_type: RunType,
    /// RFC 3339.
    #[schema(format = DateTime)]
    created_at: String,
    /// Whether the repository's drift was unlocked when the run was created, or later.
    unlocked: bool,
    /// RFC 3339; absent until the run has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, nullable = false)]
    completed_at: Option<String>,
}

impl From<DriftRun> for DriftItem {
    fn from(DriftRun { run, unlocked }: DriftRun) -> Self {
        Self {
            id: run.id,
            vcs: run.namespace.vcs,
            installation_id: run.namespace.installation.to_string(),
            owner: run.repository.owner,
            name: run.repository.name.as_str().to_owned(),
            state: run.state,
            run_type: run.run_type,
            created_at: run.created_at.rfc3339(),
            unlocked,
            completed_at: run.completed_at.map(Millis::rfc3339),
        }
    }
}

/// List drift runs
///
/// The runs of all installations of GitHub and GitLab, newest first. For administrators. A change appears within about
/// a second. A page may have fewer than `limit` runs; only a missing `next` link marks the end.
#[utoipa::path(get, path = "/api/v1/admin/drifts", tag = "administration", security(("bearer" = [])), params(ListQuery),
    responses((status = 200, body = DriftPage), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn list_drifts(
    State(app): State<App>,
    administrator: Administrator,
    query: ListQuery,
) -> Result<DriftPage, ApiError> {
    let listing = query.listing::<String>(&app, administrator.caller(), "drifts").await?;
    let (runs, next) = app.store.list_drift_runs(listing.after.as_deref(), listing.limit).await?;
    Ok(listing.page(runs, next).await?)
}
