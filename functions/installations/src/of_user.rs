//! The installations that the caller belongs to, as their provider has it at this moment.

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

/// Rows that are read at the same time.
const CONCURRENCY: usize = 16;

/// The caller's installations of one provider.
#[derive(Debug, Serialize, ToSchema)]
pub struct InstallationList {
    /// In the provider's order.
    installations: Vec<ListedInstallation>,
}

/// An installation (GitHub) or group (GitLab).
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"id": "12345", "name": "acme", "account_status": "active",
    "created_at": "2026-01-31T08:00:00.000Z", "tier": {"name": "Unknown", "features": {}}}))]
pub struct ListedInstallation {
    /// Its number, in decimal.
    id: String,
    /// The account's login, or the group's full name.
    name: String,
    /// How the account stands: `active`, `trial_ending`, `expired` or `disabled`. On GitLab a group that is not disabled is
    /// `pending` until it has called, and then `installed`.
    account_status: &'static str,
    /// When it was first seen (RFC 3339).
    #[schema(format = "date-time")]
    created_at: String,
    /// When the trial ends, if it is one (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "date-time")]
    trial_ends_at: Option<String>,
    /// What the account has.
    tier: ListedTier,
}

/// What an account has.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListedTier {
    /// For people.
    name: String,
    /// Its limits.
    features: Features,
}

/// The limits of an account; one that is absent is none.
#[derive(Debug, Serialize, ToSchema)]
pub struct Features {
    /// Users a month.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    num_users_per_month: Option<u32>,
}

/// List the caller's installations on GitHub
///
/// GitHub is asked, and its answer becomes what the caller belongs to here: what they lost is closed to their keys from
/// the next token on. A token that is limited to installations is shown those alone.
#[utoipa::path(get, path = "/api/v1/user/github/installations", tag = "installations", security(("bearer" = [])),
    responses((status = 200, body = InstallationList),
        (status = 404, description = "The caller never signed in with GitHub", body = ErrorBody),
        (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn list_github_installations(
    State(app): State<App>,
    caller: Authorized<AnyCaller>,
    client: ClientInfo,
) -> Result<Json<InstallationList>, ApiError> {
    let (listed, look) = ask(&app, caller.caller(), Vcs::Github).await?;
    let now = app.clock.now();
    // GitHub lists where this App is installed, so each of them is known from here on.
    let known = |listed: ProviderInstallation| {
        let app = &app;
        async move { app.store.find_or_create_installation(&met(&listed, now)).await.map(|known| Some((listed, known))) }
    };
    let known = all(listed.into_iter().map(known)).await?;
    Ok(Json(settle(&app, caller.caller(), client, known, look).await?))
}

/// List the caller's installations on GitLab
///
/// As on GitHub. An installation is a group that somebody has set up; others are in the list of groups.
#[utoipa::path(get, path = "/api/v1/gitlab/installations", tag = "installations", security(("bearer" = [])),
    responses((status = 200, body = InstallationList),
        (status = 404, description = "The caller never signed in with GitLab", body = ErrorBody),
        (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn list_gitlab_installations(
    State(app): State<App>,
    caller: Authorized<AnyCaller>,
    client: ClientInfo,
) -> Result<Json<InstallationList>, ApiError> {
    let (listed, look) = ask(&app, caller.caller(), Vcs::Gitlab).await?;
    let known = |listed: ProviderInstallation| {
        let app = &app;
        async move {
            let known = app.store.find_installation(of(Vcs::Gitlab, &listed)).await?;
            Ok(known.map(|known| (listed, known)))
        }
    };
    let known = all(listed.into_iter().map(known)).await?;
    Ok(Json(settle(&app, caller.caller(), client, known, look).await?))
}

/// What the provider lists for the caller, and when it was asked.
async fn ask(app: &App, caller: &Caller, vcs: Vcs) -> Result<(Vec<ProviderInstallation>, Look)> {
    caller.require_vcs(vcs)?;
    let token = app.vcs_token(caller.user, vcs).await?;
    let fence = app.store.draw_membership_fence(caller.user, vcs).await?;
    let look = Look { vcs, fence, asked_at: app.clock.now() };
    let listed = app.providers.get(vcs)?.installations_of_user(&token).await?;
    Ok((listed, look))
}

/// One question to a provider.
struct Look {
    vcs: Vcs,
    fence: MembershipFence,
    asked_at: Millis,
}

type Known = (ProviderInstallation, Installation);

async fn all(reads: impl Iterator<Item = impl Future<Output = Result<Option<Known>>>>) -> Result<Vec<Known>> {
    let known: Vec<_> = stream::iter(reads).buffered(CONCURRENCY).try_collect().await?;
    Ok(known.into_iter().flatten().collect())
}

/// Makes them the caller's memberships, and shows those that the credential reaches.
async fn settle(
    app: &App,
    caller: &Caller,
    client: ClientInfo,
    known: Vec<Known>,
    Look { vcs, fence, asked_at }: Look,
) -> Result<InstallationList> {
    let memberships: BTreeSet<_> = known.iter().map(|(listed, _)| listed.id).collect();
    let (done, now) = ((AuditAction::PermissionChanged, AuditOutcome::Success), app.clock.now());
    let note = |change| {
        app.audit_record(AuditEntry { subject: Some(change), ..client.clone().audited(now, done, caller.user, None) })
    };
    let max_age = app.settings.membership_max_age;
    let answer = ProviderAnswer { listed: &memberships, fence, asked_at, max_age };
    app.store.replace_memberships(caller.user, vcs, answer, note).await?;
    let reached = known.into_iter().filter(|(_, known)| caller.capabilities.reaches(known.namespace));
    Ok(InstallationList { installations: reached.map(|(listed, known)| shown(listed, known)).collect() })
}

fn of(vcs: Vcs, listed: &ProviderInstallation) -> Namespace {
    Namespace { vcs, installation: listed.id }
}

fn met(listed: &ProviderInstallation, now: Millis) -> Installation {
    let state = if listed.suspended { InstallationState::Suspended } else { InstallationState::Installed };
    Installation::new(of(Vcs::Github, listed), listed.name.clone(), state, now)
}

fn shown(listed: ProviderInstallation, known: Installation) -> ListedInstallation {
    ListedInstallation {
        id: listed.id.to_string(),
        name: listed.name,
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
