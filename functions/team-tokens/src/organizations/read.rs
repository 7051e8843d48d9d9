//! What clients say about an organization.

use std::collections::BTreeMap;

use serde::Deserialize;
use terrapi::domain::organization::{Email, ExecutionMode, OrganizationName, OrganizationSettingsChange};
use terrapi::domain::{Caller, InstallationId, Namespace, Result, Vcs};
use terrapi::runtime::App;
use terrapi::store::OrganizationChange;
use utoipa::ToSchema;

use crate::jsonapi::{Attributes, Problem};

/// An organization to create, or what to change of one.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"data": {"type": "organizations", "attributes": {"name": "acme", "email": "ops@acme.example",
    "vcs": "github", "installation-id": "12345"}}}))]
#[expect(dead_code, reason = "a description: handlers take Payload")]
pub struct OrganizationPayload {
    data: OrganizationPayloadData,
}

/// The organization.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "a description: handlers take Payload")]
pub struct OrganizationPayloadData {
    /// `organizations`, or nothing.
    r#type: Option<String>,
    attributes: OrganizationPayloadAttributes,
}

/// What it is to be. A change keeps what is left out.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "a description: handlers take Payload")]
pub struct OrganizationPayloadAttributes {
    /// 1 to 100 letters, digits, `-` and `_`; nobody else's. A new organization must have one.
    #[schema(max_length = 100)]
    name: Option<String>,
    /// A new organization must have one.
    #[schema(max_length = 254)]
    email: Option<String>,
    /// The system of its installation. It does not change.
    vcs: Option<Vcs>,
    /// The installation it belongs to, which its creator must belong to. It does not change. When it is left out, the first of
    /// its creator's.
    installation_id: Option<String>,
}

const EXECUTION_MODE: &str = "/data/attributes/default-execution-mode";
const EXECUTION_MODE_PROBLEM: &str = "Default execution mode is not remote or local: there are no agents here";
/// Where the settings stand that have no effect and are kept.
const SETTINGS: [&str; 8] = [
    "/data/attributes/assessments-enforced",
    "/data/attributes/cost-estimation-enabled",
    "/data/attributes/send-passing-statuses-for-untriggered-speculative-plans",
    "/data/attributes/aggregated-commit-status-enabled",
    "/data/attributes/speculative-plan-management-enabled",
    "/data/attributes/allow-force-delete-workspaces",
    "/data/attributes/stacks-enabled",
    "/data/attributes/registry-monorepo-support-enabled",
];
const ATTRIBUTES: &str = "/data/attributes/";
const NOT_A_MEMBER: &str = "Installation id is not that of an installation you belong to";
/// Where the name stands.
pub const NAME: &str = "/data/attributes/name";
const EMAIL: &str = "/data/attributes/email";
const VCS: &str = "/data/attributes/vcs";
const INSTALLATION: &str = "/data/attributes/installation-id";
/// What is said about a name that is none.
const NAME_PROBLEM: &str = "Name is not of 1 to 100 letters, digits, dashes and underscores";
/// What is said about an address that is none.
const EMAIL_PROBLEM: &str = "Email is not an address";

/// Reads the name, if there is one.
fn name(attributes: &Attributes) -> Result<Option<OrganizationName>, Problem> {
    attributes.text(NAME, OrganizationName::new, NAME_PROBLEM)
}

/// Reads the address, if there is one.
fn email(attributes: &Attributes) -> Result<Option<Email>, Problem> {
    attributes.text(EMAIL, Email::new, EMAIL_PROBLEM)
}

/// Reads what is to change.
pub fn change(attributes: &Attributes) -> Result<OrganizationChange, Problem> {
    let mut flags = BTreeMap::new();
    for pointer in SETTINGS {
        let flag = attributes.json(pointer, "It is not true or false")?;
        flags.insert(pointer.trim_start_matches(ATTRIBUTES).to_owned(), flag);
    }
    Ok(OrganizationChange {
        name: name(attributes)?,
        email: email(attributes)?,
        settings: OrganizationSettingsChange::of(&flags),
        execution_mode: attributes.json(EXECUTION_MODE, EXECUTION_MODE_PROBLEM)?,
    })
}

/// The word of an execution mode on the wire.
pub const fn word(mode: ExecutionMode) -> &'static str {
    match mode {
        ExecutionMode::Remote => "remote",
        ExecutionMode::Local => "local",
    }
}

/// 422 for an organization without a name or an address.
pub fn missing(pointer: &'static str) -> Problem {
    Problem::attribute(pointer, if pointer == NAME { NAME_PROBLEM } else { EMAIL_PROBLEM })
}

/// Where the address stands.
pub const EMAIL_POINTER: &str = EMAIL;

/// 422 for a name that another organization has.
pub fn name_taken() -> Problem {
    Problem::attribute(NAME, "Name has already been taken")
}

/// The installation of a new organization: the one that is named, or the first of those the caller reaches.
pub async fn installation(app: &App, caller: &Caller, attributes: &Attributes) -> Result<Namespace, Problem> {
    let vcs: Option<Vcs> = attributes.json(VCS, "Vcs is not github or gitlab")?;
    let named = attributes.text(INSTALLATION, InstallationId::parse, NOT_A_MEMBER)?;
    for vcs in Vcs::ALL.into_iter().filter(|own| vcs.is_none_or(|vcs| vcs == *own)) {
        let memberships = app.store.list_memberships(caller.user, vcs).await?;
        let reached = memberships.into_iter().map(|installation| Namespace { vcs, installation }).find(|namespace| {
            named.is_none_or(|named| named == namespace.installation) && caller.capabilities.reaches(*namespace)
        });
        if let Some(namespace) = reached {
            return Ok(namespace);
        }
    }
    Err(not_a_member())
}

/// 422 for an installation that the caller does not belong to.
pub fn not_a_member() -> Problem {
    Problem::attribute(INSTALLATION, NOT_A_MEMBER)
}
