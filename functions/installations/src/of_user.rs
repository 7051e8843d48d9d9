//! The caller's installations, as their provider lists them now.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use terrapi::domain::{
    AccountStatus, AuditAction, AuditEntry, AuditOutcome, Caller, Installation, InstallationState, Millis, Namespace,
    ProviderInstallation, Result, Vcs,
};
use terrapi::http::{AnyCaller, ApiError, Authorized, ClientInfo, ErrorBody};
use terrapi::runtime::App;
use terrapi::store::{MembershipFence, ProviderAnswer};
use utoipa::ToSchema;

/// How many rows are read concurrently.
const CONCURRENCY: usize = 16;

/// The caller's installations of one provider.
#[derive(Debug, Serialize, ToSchema)]
pub struct InstallationList {
    /// In the order of the provider.
    installations: Vec<ListedInstallation>,
}

/// An installation (GitHub) or group (GitLab).
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"id": "12345", "name": "acme", "account_status": "active",
    "created_at": "2026-01-31T08:00:00.000Z", "tier": {"name": "Unknown", "features": {}}}))]
pub struct ListedInstallation {
    /// The number, in decimal.
    id: String,
    /// The account's login, or the group's full name.
    name: String,
    /// The state of the account: `active`, `trial_ending`, `expired` or `disabled`. On GitLab, a group that is not
    /// disabled is `pending` until its webhook has called, and then `installed`.
    account_status: &'static str,
    /// RFC 3339: when the installation was first seen.
    #[schema(format = "date-time")]
    created_at: String,
    /// RFC 3339: when the trial ends, if the account is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "date-time")]
    trial_ends_at: Option<String>,
    /// The tier of the account.
    tier: ListedTier,
}

/// The tier of an account.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListedTier {
    /// A name for people.
    name: String,
    /// Its limits.
    features: Features,
}

/// The limits of an account. An absent one is unlimited.
#[derive(Debug, Serialize, ToSchema)]
pub struct Features {
    /// Users per month.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    num_users_per_month: Option<u32>,
}

/// List the caller's installations on GitHub
///
/// GitHub is asked, and its answer replaces the caller's stored memberships. Keys of the caller lose access to the
/// other installations with their next token. A token that is limited to installations sees
/// only those.
#[utoipa::path(get, path = "/api/v1/user/github/installations", tag = "installations", security(("bearer" = [])),
    responses((status = 200, body = InstallationList),
        (status = 404, description = "The caller never signed in with GitHub", body = ErrorBody),
        (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn list_github_installations(
    State(app): State<App>,
    caller: Authorized<AnyCaller>,
    client: ClientInfo,
) -> Result<Json<InstallationList>, ApiError> {
    let (listed, question) = ask(&app, caller.caller(), Vcs::Github).await?;
    let now = app.clock.now();
    // GitHub lists only accounts on which this App is installed, so each of them becomes a known installation.
    let known = |listed: ProviderInstallation| {
        let app = &app;
        async move { first_seen(app, &listed, now).await.map(|known| Some((listed.name, known))) }
    };
    let known = all(listed.into_iter().map(known)).await?;
    Ok(Json(settle(&app, caller.caller(), client, known, question).await?))
}

/// List the caller's installations on GitLab
///
/// As on GitHub. A group is an installation once it has been set up; the list of groups has the others too.
#[utoipa::path(get, path = "/api/v1/gitlab/installations", tag = "installations", security(("bearer" = [])),
    responses((status = 200, body = InstallationList),
        (status = 404, description = "The caller never signed in with GitLab", body = ErrorBody),
        (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn list_gitlab_installations(
    State(app): State<App>,
    caller: Authorized<AnyCaller>,
    client: ClientInfo,
) -> Result<Json<InstallationList>, ApiError> {
    let (listed, question) = ask(&app, caller.caller(), Vcs::Gitlab).await?;
    let known = |listed: ProviderInstallation| {
        let app = &app;
        async move {
            let known = app.store.find_installation(of(Vcs::Gitlab, &listed)).await?;
            Ok(known.map(|known| (listed.name, known)))
        }
    };
    let known = all(listed.into_iter().map(known)).await?;
    Ok(Json(settle(&app, caller.caller(), client, known, question).await?))
}

/// The list of the provider, and when it was asked.
async fn ask(app: &App, caller: &Caller, vcs: Vcs) -> Result<(Vec<ProviderInstallation>, ProviderQuestion)> {
    caller.require_vcs(vcs)?;
    let token = app.vcs_token(caller.user, vcs).await?;
    let fence = app.store.draw_membership_fence(caller.user, vcs).await?;
    let question = ProviderQuestion { vcs, fence, asked_at: app.clock.now() };
    let listed = app.providers.get(vcs)?.installations_of_user(&token).await?;
    Ok((listed, question))
}

/// One question to a provider.
struct ProviderQuestion {
    vcs: Vcs,
    fence: MembershipFence,
    asked_at: Millis,
}

/// An installation with the name that it has at the provider.
type Known = (String, Installation);

async fn all(reads: impl Iterator<Item = impl Future<Output = Result<Option<Known>>>>) -> Result<Vec<Known>> {
    let known: Vec<_> = stream::iter(reads).buffered(CONCURRENCY).try_collect().await?;
    Ok(known.into_iter().flatten().collect())
}

/// Replaces the caller's memberships by the list, and shows those that the credential may see.
async fn settle(
    app: &App,
    caller: &Caller,
    client: ClientInfo,
    known: Vec<Known>,
    ProviderQuestion { vcs, fence, asked_at }: ProviderQuestion,
) -> Result<InstallationList> {
    let listed: BTreeSet<_> = known.iter().map(|(_, known)| known.namespace.installation).collect();
    let (done, now) = ((AuditAction::PermissionChanged, AuditOutcome::Success), app.clock.now());
    let audit_entry = |change| {
        app.audit_record(AuditEntry { subject: Some(change), ..client.clone().audited(now, done, caller.user, None) })
    };
    let max_age = app.settings.membership_max_age;
    let answer = ProviderAnswer { listed: &listed, fence, asked_at, max_age };
    app.store.replace_memberships(caller.user, vcs, answer, audit_entry).await?;
    let reached = known.into_iter().filter(|(_, known)| caller.capabilities.reaches(known.namespace));
    Ok(InstallationList { installations: reached.map(|(name, known)| shown(name, known)).collect() })
}

fn of(vcs: Vcs, listed: &ProviderInstallation) -> Namespace {
    Namespace { vcs, installation: listed.id }
}

/// An installation that GitHub lists. One that is not known yet is stored.
async fn first_seen(app: &App, listed: &ProviderInstallation, now: Millis) -> Result<Installation> {
    let state = if listed.suspended { InstallationState::Suspended } else { InstallationState::Installed };
    let fresh = Installation::new(of(Vcs::Github, listed), listed.name.clone(), state, now);
    app.store.find_or_create_installation(&fresh).await
}

fn shown(name: String, known: Installation) -> ListedInstallation {
    ListedInstallation {
        id: known.namespace.installation.to_string(),
        name,
        account_status: status(&known),
        created_at: known.created_at.rfc3339(),
        trial_ends_at: known.trial_ends_at.map(|end| end.millis().rfc3339()),
        tier: ListedTier {
            name: known.tier.name,
            features: Features { num_users_per_month: known.tier.num_users_per_month },
        },
    }
}

fn status(known: &Installation) -> &'static str {
    match (known.account_status(), known.namespace.vcs, known.state) {
        (AccountStatus::Disabled, ..) => "disabled",
        (_, Vcs::Gitlab, InstallationState::Pending) => "pending",
        (_, Vcs::Gitlab, _) => "installed",
        (AccountStatus::Active, ..) => "active",
        (AccountStatus::TrialEnding, ..) => "trial_ending",
        (AccountStatus::Expired, ..) => "expired",
    }
}
