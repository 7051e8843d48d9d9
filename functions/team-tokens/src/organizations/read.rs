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
    /// Where workspaces would run that say nothing themselves: `remote` for a new organization. Kept, without effect.
    default_execution_mode: Option<ExecutionMode>,
    /// Settings that are kept, without effect. `session-timeout`, `session-remember`, `collaborator-auth-policy`,
    /// `owners-team-saml-role-id`, `default-agent-pool-id`, `user-tokens-enabled`, `max-ttl-enabled` and `enforce-hyok` are
    /// refused unless they say what is so.
    #[serde(flatten)]
    settings: OrganizationSettingsChange,
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
    refuse_without_effect(attributes)?;
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

/// Refuses settings that clients know and that would promise something which is not so. Sending what is so is fine.
fn refuse_without_effect(attributes: &Attributes) -> Result<(), Problem> {
    for (pointer, problem) in [(SESSION_TIMEOUT, TIMEOUT_PROBLEM), (SESSION_REMEMBER, REMEMBER_PROBLEM)] {
        attributes.text(pointer, |_| None::<()>, problem)?;
    }
    let is = |expected: &'static str| move |text: &str| (text == expected).then_some(());
    attributes.text(
        AUTH_POLICY,
        is("password"),
        "Collaborator auth policy is not password: people sign in elsewhere",
    )?;
    attributes.text(SAML_ROLE, is(""), "Owners team saml role id is not empty: there is no single sign-on")?;
    attributes.text(AGENT_POOL, is(""), "Default agent pool id is not empty: there are no agents")?;
    for (pointer, expected, problem) in [
        (USER_TOKENS, true, "User tokens enabled is not true: people always have access with their own tokens"),
        (MAX_TTL, false, "Max ttl enabled is not false: there are no maximum lifetimes of tokens"),
        (HYOK, false, "Enforce hyok is not false: there are no keys of your own"),
    ] {
        if attributes.json::<bool>(pointer, problem)?.is_some_and(|value| value != expected) {
            return Err(Problem::attribute(pointer, problem));
        }
    }
    Ok(())
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
        if let Some(namespace) = reached
            && app.is_member(caller.user, namespace).await?
        {
            return Ok(namespace);
        }
    }
    Err(not_a_member())
}

/// 422 for an installation that the caller does not belong to.
pub fn not_a_member() -> Problem {
    Problem::attribute(INSTALLATION, NOT_A_MEMBER)
}
