//! Shows administrators the organizations of an installation, and deletes them.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use terrapi::domain::organization::{Authority, Organization, OrganizationName};
use terrapi::domain::{
    AuditAction, AuditEntry, AuditOutcome, AuditedOrganization, Code, Error, Namespace, Result, Vcs,
};
use terrapi::http::{Administrator, ApiError, ClientInfo, ErrorBody, Origin, PageQuery, PathParams, Query};
use terrapi::runtime::App;
use terrapi::store::{Decision, Written};
use utoipa::ToSchema;

use crate::installation_listing::{InInstallation, InstallationListing};

/// A page of organizations.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrganizationPage {
    /// GitHub's first, each in the order of the ids.
    results: Vec<OrganizationItem>,
    /// The cursor in the `Link` header, to pass as `page`; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_cursor: Option<String>,
}

/// An organization of an installation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InstallationOrganization, example = json!({"id": "org-4nQvD8sYk2LmPx6R", "name": "acme",
    "email": "ops@acme.example", "vcs": "github", "installation_id": "12345", "created_at": "2026-01-31T08:00:00.000Z"}))]
pub struct OrganizationItem {
    /// Its id, which its name may change under.
    id: String,
    /// Its name in paths.
    name: String,
    /// Where it is reached.
    email: String,
    /// The provider of its installation.
    vcs: Vcs,
    /// Its installation, in decimal.
    installation_id: String,
    /// RFC 3339: when it was created.
    #[schema(format = "date-time")]
    created_at: String,
}

impl From<Organization> for OrganizationItem {
    fn from(organization: Organization) -> Self {
        Self {
            id: organization.id.to_string(),
            name: organization.name.as_str().to_owned(),
            email: organization.email.as_str().to_owned(),
            vcs: organization.namespace.vcs,
            installation_id: organization.namespace.installation.to_string(),
            created_at: organization.created_at.rfc3339(),
        }
    }
}

impl InInstallation for OrganizationItem {
    const KIND: &'static str = "organizations";
    /// An organization's id.
    type After = String;

    async fn read(
        app: &App,
        namespace: Namespace,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Self>, Option<String>)> {
        let (found, next) = app.store.list_organizations_in(namespace, after.as_deref(), limit).await?;
        Ok((found.into_iter().map(Self::from).collect(), next))
    }
}

/// List the organizations of an installation
///
/// For administrators. A change is here within a second or so. A page may be shorter than `limit`, even empty; only a missing
/// `next` link marks the end.
#[utoipa::path(get, path = "/api/v1/admin/organizations", tag = "administration", security(("bearer" = [])),
    params(("installation_id" = String, Query, description = "Which installation, in decimal"),
        ("vcs" = Option<Vcs>, Query, description = "Whose numbering it belongs to; both when absent"), PageQuery),
    responses((status = 200, body = OrganizationPage, headers(("link" = String, description = "RFC 8288: `<…>; rel=\"next\"`. Absent on the last page."))), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn list_installation_organizations(
    State(app): State<App>,
    _: Administrator,
    query: Query,
    origin: Origin,
) -> Result<Response, ApiError> {
    let listing = InstallationListing::<OrganizationItem>::read(&query)?;
    let (results, next) = listing.page(&app).await?;
    let next = listing.next(&origin, next.as_ref())?;
    Ok((next.link, Json(OrganizationPage { results, next_cursor: next.cursor })).into_response())
}

/// Delete an organization
///
/// For administrators, whoever owns it. Its teams and all tokens go with it; what is left after a failure goes with the next
/// try.
#[utoipa::path(delete, path = "/api/v1/admin/organizations/{name}", tag = "administration", security(("bearer" = [])),
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, description = "Deleted; no body"), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn delete_installation_organization(
    State(app): State<App>,
    administrator: Administrator,
    client: ClientInfo,
    path: PathParams,
) -> Result<StatusCode, ApiError> {
    let name = OrganizationName::new(path.text("name"));
    let problem = "an organization's name is 1 to 100 letters, digits, dashes and underscores";
    let name = name.ok_or_else(|| Error::invalid_because(Code::InvalidPath, problem))?;
    let code = app.store.find_organization_code(&name).await?.ok_or(Error::NotFound)?;
    let organization = app.store.find_organization(code).await?.ok_or(Error::NotFound)?;
    let done = (AuditAction::OrganizationDeleted, AuditOutcome::Success);
    let entry = client.audited(app.clock.now(), done, administrator.caller().user, None);
    let deleted = AuditedOrganization {
        id: organization.id.to_string(),
        name: organization.name.to_string(),
        team_id: None,
        team: None,
        changed: BTreeMap::new(),
    };
    let note = app.audit_record(AuditEntry { organization: Some(deleted), ..entry })?;
    let decision = Decision { authority: Authority::default(), notes: vec![note] };
    match app.store.delete_organization(&organization, &decision).await? {
        Written::Done => Ok(StatusCode::OK),
        // Renamed or deleted by another request at the same time.
        Written::Taken | Written::Outdated => Err(Error::NotFound.into()),
    }
}
