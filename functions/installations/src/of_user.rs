//! The installations that the caller belongs to, as their provider has it at this moment.

use std::time::Duration;

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
use terrapi::store::MembershipFence;
use terrapi::usecases::{Admission, ProviderListing};
use utoipa::ToSchema;

/// Rows that are read at the same time.
const CONCURRENCY: usize = 16;
/// How long GitHub is waited for that is asked where the App was removed.
const PROVIDER_WAIT: Duration = Duration::from_secs(9);

/// The caller's installations of one provider.
#[derive(Debug, Serialize, ToSchema)]
pub struct InstallationList {
    /// In the provider's order. Behind them come those from which the App was removed, and where the caller was a member.
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
/// the next token on. An installation from which the App was removed stays readable for its members, and is `disabled`. A
/// token that is limited to installations is shown those alone.
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
        async move { met(app, &listed, now).await.map(|known| Some((listed.name, known))) }
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
            Ok(known.map(|known| (listed.name, known)))
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

/// An installation with the name that it has at the provider.
type Known = (String, Installation);

async fn all(reads: impl Iterator<Item = impl Future<Output = Result<Option<Known>>>>) -> Result<Vec<Known>> {
    let known: Vec<_> = stream::iter(reads).buffered(CONCURRENCY).try_collect().await?;
    Ok(known.into_iter().flatten().collect())
}

/// Makes them the caller's memberships, and shows those that the credential reaches.
async fn settle(
    app: &App,
    caller: &Caller,
    client: ClientInfo,
    mut known: Vec<Known>,
    Look { vcs, fence, asked_at }: Look,
) -> Result<InstallationList> {
    let listed = known.iter().map(|(_, known)| known.namespace.installation).collect();
    let listing = ProviderListing { vcs, listed, fence, asked_at };
    let (done, now) = ((AuditAction::PermissionChanged, AuditOutcome::Success), app.clock.now());
    let note = |change| {
        app.noted(AuditEntry { subject: Some(change), ..client.clone().audited(now, done, caller.user, None) })
    };
    let settled = app.settle_memberships(caller.user, &listing, Admission::Grant, PROVIDER_WAIT, note).await??;
    for installation in settled.uninstalled {
        known.extend(uninstalled(app, Namespace { vcs, installation }).await?);
    }
    let reached = known.into_iter().filter(|(_, known)| caller.capabilities.reaches(known.namespace));
    Ok(InstallationList { installations: reached.map(|(name, known)| shown(name, known)).collect() })
}

fn of(vcs: Vcs, listed: &ProviderInstallation) -> Namespace {
    Namespace { vcs, installation: listed.id }
}

/// An installation that GitHub lists. The App is in it, so it is not uninstalled, whatever was known.
async fn met(app: &App, listed: &ProviderInstallation, now: Millis) -> Result<Installation> {
    let state = if listed.suspended { InstallationState::Suspended } else { InstallationState::Installed };
    let namespace = of(Vcs::Github, listed);
    let fresh = Installation::new(namespace, listed.name.clone(), state, now);
    let known = app.store.find_or_create_installation(&fresh).await?;
    if known.state != InstallationState::Uninstalled {
        return Ok(known);
    }
    let moved = app.store.move_installation(namespace, &[InstallationState::Uninstalled], state).await?;
    Ok(moved.unwrap_or(known))
}

/// Notes that the App was removed from an installation; the installation, if it is known.
async fn uninstalled(app: &App, namespace: Namespace) -> Result<Option<Known>> {
    let from = [InstallationState::Pending, InstallationState::Installed, InstallationState::Suspended];
    let known = match app.store.move_installation(namespace, &from, InstallationState::Uninstalled).await? {
        Some(moved) => Some(moved),
        None => app.store.find_installation(namespace).await?,
    };
    Ok(known.map(|known| (known.name.clone(), known)))
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
