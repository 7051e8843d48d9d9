//! Checks one membership at its provider. It asks with the person's own token, which answers for all their memberships
//! there, or else with the installation's.

use std::time::Duration;

use terrapi::domain::{
    AuditAction, AuditChange, AuditEntry, AuditOutcome, Code, Error, Identity, Membership, Namespace, Permission,
    PermissionChange, Result, UserId, suspended,
};
use terrapi::http::ClientInfo;
use terrapi::runtime::App;
use terrapi::store::operations::MembershipCheck;
use terrapi::store::{NewAuditEntry, Replaced};
use terrapi::vcs::{Failure, InstallationAccess};
use tokio::time::timeout;

use crate::refresh::group_token;
use crate::turn::{Deadline, Stop, after, backoff};

/// How long to wait for a provider.
const PROVIDER_WAIT: Duration = Duration::from_secs(45);
/// The longest backoff while the membership is still accepted.
const MAX_BACKOFF: Duration = Duration::from_hours(1);
/// The backoff while the membership is suspended.
const SUSPENDED_BACKOFF: Duration = Duration::from_hours(6);

/// Makes a check, if it can be taken.
///
/// # Errors
/// DynamoDB failed before the check was taken. After that the check stays, and the timer wakes it.
pub async fn check(app: &App, user: UserId, namespace: Namespace, deadline: Deadline) -> Result<()> {
    let now = app.clock.now();
    let Some(check) = app.store.take_membership_check(user, namespace, app.random.id()?, now).await? else {
        return Ok(());
    };
    let attempted = timeout(deadline.left(now), attempt(app, &check)).await.unwrap_or(Err(Stop::More));
    let wait = match attempted {
        Ok(()) => return app.store.finish_membership_check(&check).await,
        Err(Stop::Wait(wait)) => wait,
        Err(_) => Duration::ZERO,
    };
    let now = app.clock.now();
    let backoff = if suspended(check.asked_at, now) { SUSPENDED_BACKOFF } else { backoff(check.attempts, MAX_BACKOFF) };
    let wait = wait.max(backoff).min(SUSPENDED_BACKOFF);
    app.store.put_off_membership_check(&check, after(now, wait)).await
}

/// Returns `Ok` when the provider has confirmed or denied the membership and that is stored, or no check is needed any
/// more.
async fn attempt(app: &App, check: &MembershipCheck) -> Result<(), Stop> {
    let MembershipCheck { user, namespace, .. } = *check;
    let membership = app.store.find_membership(user, namespace).await?;
    let Some(membership) =
        membership.filter(|membership| membership.due(app.clock.now(), app.settings.membership_max_age))
    else {
        return Ok(());
    };
    // It may not be known yet whether the provider is configured.
    if !app.providers.is_configured(namespace.vcs).map_err(|_| no_answer())? {
        // The provider cannot be asked. Memberships do not age in this case.
        return Ok(app.store.confirm_membership(user, namespace, app.clock.now()).await?);
    }
    app.providers.get(namespace.vcs).map_err(|_| no_answer())?;
    let audit_entry = |change| audit_record(app, change);
    match app.vcs_identity(user, namespace.vcs).await {
        Ok((_, token)) => match app.check_memberships(user, namespace.vcs, &token, PROVIDER_WAIT, audit_entry).await? {
            Ok(Replaced::Unchanged | Replaced::Changed) => Ok(()),
            Ok(Replaced::Overtaken) => Err(no_answer()),
            Err(Failure::Rejected | Failure::Forbidden) => ask_as_installation(app, check, membership).await,
            Err(failure) => Err(Stop::by_provider(namespace.vcs, &failure)),
        },
        Err(Error::Forbidden { code: Code::ProviderRejected, .. }) => ask_as_installation(app, check, membership).await,
        // The person has not signed in there, so their number is unknown; or the provider or DynamoDB is unavailable.
        Err(Error::NotFound | Error::Unavailable { .. }) => Err(no_answer()),
        Err(error) => Err(error.into()),
    }
}

fn no_answer() -> Stop {
    Stop::Unavailable("the provider gave no definite answer".into())
}

/// Asks with the installation's token, which answers for this membership only.
async fn ask_as_installation(app: &App, check: &MembershipCheck, membership: Membership) -> Result<(), Stop> {
    let MembershipCheck { user, namespace, .. } = *check;
    let Identity { profile, .. } = app.store.find_identity(user, namespace.vcs).await?.ok_or_else(no_answer)?;
    let token = group_token(app, namespace).await?;
    let asked_at = app.clock.now();
    let access = InstallationAccess { installation: namespace.installation, token: token.as_ref(), now: asked_at };
    let provider = app.providers.get(namespace.vcs)?;
    match timeout(PROVIDER_WAIT, provider.is_member(access, &profile)).await {
        Ok(Ok(true)) => app.store.confirm_membership(user, namespace, asked_at).await?,
        Ok(Ok(false)) => {
            let lost =
                PermissionChange { user, permission: Permission::Member(namespace), change: AuditChange::Revoked };
            // Not removed if it has been confirmed since it was read, because that answer is newer.
            app.store.remove_unconfirmed_membership(user, namespace, membership, &audit_record(app, lost)?).await?;
        }
        Ok(Err(failure)) => return Err(Stop::by_provider(namespace.vcs, &failure)),
        Err(_) => return Err(no_answer()),
    }
    Ok(())
}

/// The audit entry of a change that the service makes itself.
fn audit_record(app: &App, change: PermissionChange) -> Result<NewAuditEntry> {
    let done = (AuditAction::PermissionChanged, AuditOutcome::Success);
    let entry = ClientInfo::default().audited(app.clock.now(), done, None, None);
    app.audit_record(AuditEntry { subject: Some(change), ..entry })
}
