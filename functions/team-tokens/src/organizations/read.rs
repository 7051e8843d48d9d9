//! Parses organizations in requests.

use std::collections::BTreeMap;

use serde::Deserialize;
use terrapi::domain::organization::{Email, ExecutionMode, OrganizationName, OrganizationSettingsChange};
use terrapi::domain::{Caller, InstallationId, Namespace, Result, Vcs};
use terrapi::runtime::App;
use terrapi::store::OrganizationChange;
use utoipa::ToSchema;

use crate::jsonapi::{Attributes, Problem};

/// An organization to create, or the changes of an organization.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"data": {"type": "organizations", "attributes": {"name": "acme", "email": "ops@acme.example",
    "vcs": "github", "installation-id": "12345"}}}))]
#[expect(dead_code, reason = "a description: handlers take Payload")]
pub struct OrganizationPayload {
    data: OrganizationPayloadData,
}

/// The organization to create or change.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "a description: handlers take Payload")]
pub struct OrganizationPayloadData {
    /// `organizations`. May be absent.
    r#type: Option<String>,
    attributes: OrganizationPayloadAttributes,
}

/// The attributes of an organization. A change keeps the absent ones.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "a description: handlers take Payload")]
pub struct OrganizationPayloadAttributes {
    /// 1 to 100 letters, digits, `-` and `_`; unique. Required for a new organization.
    #[schema(max_length = 100)]
    name: Option<String>,
    /// An email address. Required for a new organization.
    #[schema(max_length = 254)]
    email: Option<String>,
    /// The VCS of its installation. Ignored in a change.
    vcs: Option<Vcs>,
    /// Its installation, of which the creator must be a member. The default is the creator's first installation.
    /// Ignored in a change.
    installation_id: Option<String>,
    /// HCP Terraform's default for workspaces. Stored, but without effect. The default for a new organization is
    /// `remote`.
    default_execution_mode: Option<ExecutionMode>,
    /// Settings that are stored, but without effect. `session-timeout`, `session-remember`, `collaborator-auth-policy`,
    /// `owners-team-saml-role-id`, `default-agent-pool-id`, `user-tokens-enabled`, `max-ttl-enabled` and `enforce-hyok`
    /// must have the values that answers show.
    #[serde(flatten)]
    settings: OrganizationSettingsChange,
}

const EXECUTION_MODE: &str = "/data/attributes/default-execution-mode";
const EXECUTION_MODE_PROBLEM: &str = "Default execution mode is not remote or local: there are no agents here";
/// The pointers to the settings that are stored but have no effect.
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
const SESSION_TIMEOUT: &str = "/data/attributes/session-timeout";
const TIMEOUT_PROBLEM: &str = "Session timeout cannot be set: sessions end after 7 days without a request";
const SESSION_REMEMBER: &str = "/data/attributes/session-remember";
const REMEMBER_PROBLEM: &str = "Session remember cannot be set: sessions end after 30 days";
const AUTH_POLICY: &str = "/data/attributes/collaborator-auth-policy";
const SAML_ROLE: &str = "/data/attributes/owners-team-saml-role-id";
const AGENT_POOL: &str = "/data/attributes/default-agent-pool-id";
const USER_TOKENS: &str = "/data/attributes/user-tokens-enabled";
const MAX_TTL: &str = "/data/attributes/max-ttl-enabled";
const HYOK: &str = "/data/attributes/enforce-hyok";
const ATTRIBUTES: &str = "/data/attributes/";
const NOT_A_MEMBER: &str = "Installation id is not an installation of which you are a member";
/// The pointer to the name.
pub const NAME: &str = "/data/attributes/name";
const EMAIL: &str = "/data/attributes/email";
const VCS: &str = "/data/attributes/vcs";
const INSTALLATION: &str = "/data/attributes/installation-id";
/// The error for an invalid name.
const NAME_PROBLEM: &str = "Name does not consist of 1 to 100 letters, digits, dashes and underscores";
/// The error for an invalid email address.
const EMAIL_PROBLEM: &str = "Email is not an address";

/// Parses the name, if there is one.
fn name(attributes: &Attributes) -> Result<Option<OrganizationName>, Problem> {
    attributes.text(NAME, OrganizationName::new, NAME_PROBLEM)
}

/// Parses the email address, if there is one.
fn email(attributes: &Attributes) -> Result<Option<Email>, Problem> {
    attributes.text(EMAIL, Email::new, EMAIL_PROBLEM)
}

/// Parses a change.
pub fn change(attributes: &Attributes) -> Result<OrganizationChange, Problem> {
    refuse_without_effect(attributes)?;
    let mut flags = BTreeMap::new();
    for pointer in SETTINGS {
        let flag = attributes.json(pointer, "The setting is not true or false")?;
        flags.insert(pointer.trim_start_matches(ATTRIBUTES).to_owned(), flag);
    }
    Ok(OrganizationChange {
        name: name(attributes)?,
        email: email(attributes)?,
        settings: OrganizationSettingsChange::of(&flags),
        execution_mode: attributes.json(EXECUTION_MODE, EXECUTION_MODE_PROBLEM)?,
    })
}

/// Refuses settings that this service does not support, unless they have the value that answers show.
fn refuse_without_effect(attributes: &Attributes) -> Result<(), Problem> {
    for (pointer, problem) in [(SESSION_TIMEOUT, TIMEOUT_PROBLEM), (SESSION_REMEMBER, REMEMBER_PROBLEM)] {
        attributes.text(pointer, |_| None::<()>, problem)?;
    }
    let is = |expected: &'static str| move |text: &str| (text == expected).then_some(());
    attributes.text(
        AUTH_POLICY,
        is("password"),
        "Collaborator auth policy is not password: people sign in with GitHub or GitLab",
    )?;
    attributes.text(SAML_ROLE, is(""), "Owners team saml role id is not empty: there is no single sign-on")?;
    attributes.text(AGENT_POOL, is(""), "Default agent pool id is not empty: there are no agents")?;
    for (pointer, expected, problem) in [
        (USER_TOKENS, true, "User tokens enabled is not true: people can always use their own tokens"),
        (MAX_TTL, false, "Max ttl enabled is not false: tokens have no maximum lifetime"),
        (HYOK, false, "Enforce hyok is not false: this service does not support customers' keys"),
    ] {
        if attributes.json::<bool>(pointer, problem)?.is_some_and(|value| value != expected) {
            return Err(Problem::attribute(pointer, problem));
        }
    }
    Ok(())
}

/// The name of an execution mode in requests and answers.
pub const fn word(mode: ExecutionMode) -> &'static str {
    match mode {
        ExecutionMode::Remote => "remote",
        ExecutionMode::Local => "local",
    }
}

/// The error for an organization without a name or email address.
pub fn missing(pointer: &'static str) -> Problem {
    Problem::attribute(pointer, if pointer == NAME { NAME_PROBLEM } else { EMAIL_PROBLEM })
}

/// The pointer to the email address.
pub const EMAIL_POINTER: &str = EMAIL;

/// The error for a name that another organization has.
pub fn name_taken() -> Problem {
    Problem::attribute(NAME, "Name has already been taken")
}

/// The installation of a new organization: the one in the request, or the first that the caller may use.
pub async fn installation(app: &App, caller: &Caller, attributes: &Attributes) -> Result<Namespace, Problem> {
    let vcs: Option<Vcs> = attributes.json(VCS, "Vcs is not github or gitlab")?;
    let named = attributes.text(INSTALLATION, InstallationId::parse, NOT_A_MEMBER)?;
    for vcs in Vcs::ALL.into_iter().filter(|own| vcs.is_none_or(|vcs| vcs == *own)) {
        let memberships = app.store.list_memberships(caller.user, vcs).await?;
        let reached = memberships.into_iter().map(|installation| Namespace { vcs, installation }).find(|namespace| {
            named.is_none_or(|named| named == namespace.installation) && caller.capabilities.reaches(*namespace)
        });
        if let Some(namespace) = reached
            && app.is_member(caller.user, namespace).await?
        {
            return Ok(namespace);
        }
    }
    Err(not_a_member())
}

/// The error for an installation of which the caller is not a member.
pub fn not_a_member() -> Problem {
    Problem::attribute(INSTALLATION, NOT_A_MEMBER)
}
