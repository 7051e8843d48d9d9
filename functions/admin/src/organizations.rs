//! Lists the organizations of an installation for administrators, and deletes them.

use std::collections::BTreeMap;

use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use terrapi::domain::organization::{Authority, Organization, OrganizationName};
use terrapi::domain::{
    AuditAction, AuditEntry, AuditOutcome, AuditedOrganization, Code, Error, Namespace, Result, Vcs,
};
use terrapi::http::{Administrator, ApiError, ClientInfo, ErrorBody, ListQuery, Listed, Page, PathParams, Query};
use terrapi::runtime::App;
use terrapi::store::{Decision, Written};
use utoipa::ToSchema;

use crate::installation_listing::{InInstallation, list_in_installation};

pub type OrganizationPage = Page<OrganizationItem>;

impl Listed for OrganizationItem {
    const PAGE: [&str; 3] = [
        "OrganizationPage",
        "A page of organizations.",
        "GitHub's organizations first. Those of each provider are ordered by id.",
    ];
}

/// An organization of an installation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InstallationOrganization, example = json!({"id": "org-4nQvD8sYk2LmPx6R", "name": "acme",
    "email": "ops@acme.example", "vcs": "github", "installation_id": "12345", "created_at": "2026-01-31T08:00:00.000Z"}))]
pub struct OrganizationItem {
    /// The organization's id. It stays when the name changes.
    id: String,
    /// The name, which identifies the organization in paths.
    name: String,
    /// The contact address.
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
/// For administrators. A change appears within about a second. A page may have fewer than `limit` organizations, or
/// none; only a missing `next` link marks the end.
#[utoipa::path(get, path = "/api/v1/admin/organizations", tag = "administration", security(("bearer" = [])),
    params(("installation_id" = String, Query, description = "The installation, in decimal"),
        ("vcs" = Option<Vcs>, Query, description = "The provider of the installation; absent: both providers"), ListQuery),
    responses((status = 200, body = OrganizationPage), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn list_installation_organizations(
    State(app): State<App>,
    administrator: Administrator,
    which: Query,
    query: ListQuery,
) -> Result<OrganizationPage, ApiError> {
    Ok(list_in_installation(&app, administrator.caller(), &which, query).await?)
}

/// Delete an organization
///
/// For administrators, whether or not they own it. Its teams and tokens are deleted too. A deletion that failed
/// half-way can be repeated.
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
    let audit_entry = app.audit_record(AuditEntry { organization: Some(deleted), ..entry })?;
    let decision = Decision { authority: Authority::default(), notes: vec![audit_entry] };
    match app.store.delete_organization(&organization, &decision).await? {
        Written::Done => Ok(StatusCode::OK),
        // Another request renamed or deleted it meanwhile.
        Written::Taken | Written::Outdated => Err(Error::NotFound.into()),
    }
}
