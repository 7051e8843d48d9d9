//! Shows which features an organization may use.

use serde::Serialize;
use terrapi::domain::organization::Organization;
use utoipa::ToSchema;

use crate::jsonapi::{Answer, Document, EmptyObject, ErrorDocument, MEDIA_TYPE, Problem, Resource};
use crate::lookup::Visible;

/// The features that an organization may use.
#[derive(Debug, Serialize, ToSchema)]
#[serde(transparent)]
pub struct EntitlementSet(Resource<Entitlements, EmptyObject>);

/// The features of HCP Terraform, and whether this service has them.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::struct_excessive_bools, reason = "the wire has them")]
pub struct Entitlements {
    /// Always true.
    teams: bool,
    /// Always false, like all following members: this service has no workspaces and keeps no state.
    state_storage: bool,
    operations: bool,
    agents: bool,
    audit_logging: bool,
    configuration_designer: bool,
    cost_estimation: bool,
    global_run_tasks: bool,
    policy_enforcement: bool,
    private_module_registry: bool,
    private_run_tasks: bool,
    run_tasks: bool,
    sentinel: bool,
    sso: bool,
    vcs_integrations: bool,
}

/// Show an organization's entitlements
///
/// Of HCP Terraform's features, this service has only teams. The backends `cloud` and `remote` learn from the answer
/// that the service keeps no state.
#[utoipa::path(get, path = "/api/v2/organizations/{organization_name}/entitlement-set", tag = "organizations",
    security(("team_token" = []), ("bearer" = [])),
    responses((status = 200, body = Document<EntitlementSet>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn show_entitlements(
    Visible { found: snapshot, .. }: Visible<Organization>,
) -> Result<Answer<Document<EntitlementSet>>, Problem> {
    let attributes = Entitlements { teams: true, ..Entitlements::default() };
    let id = snapshot.organization.id.to_string();
    let resource =
        Resource { id, r#type: "entitlement-sets", attributes, relationships: EmptyObject::default(), links: None };
    let path = format!("/api/v2/organizations/{}/entitlement-set", snapshot.organization.name);
    Ok(Answer::ok(Document { data: EntitlementSet(resource.at(path)) }))
}
