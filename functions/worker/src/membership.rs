//! Checks one membership at its provider. It asks with the person's own token, which answers for all their memberships
//! there, or else with the installation's.

use std::time::Duration;

use terrapi::domain::{
    AuditAction, AuditChange, AuditEntry, AuditOutcome, Code, Error, Identity, Membership, Millis, Namespace,
    Permission, PermissionChange, Result, SecretText, UserId, suspended,
};
use terrapi::http::ClientInfo;
use terrapi::runtime::App;
use terrapi::store::operations::MembershipCheck;
use terrapi::store::{NewAuditEntry, Replaced};
use terrapi::vcs::{Failure, InstallationAccess};
use tokio::time::timeout;

use crate::refresh::group_token;
use crate::turn::Deadline;

/// How long to wait for a provider.
const PROVIDER_WAIT: Duration = Duration::from_secs(45);
/// The longest backoff while the membership is still accepted.
const MAX_BACKOFF: Duration = Duration::from_hours(1);
/// The backoff while the membership is suspended.
const SUSPENDED_BACKOFF: Duration = Duration::from_hours(6);

/// The result of an attempt.
enum Answer {
    /// The provider has confirmed or denied the membership, and that is stored; or no check is needed any more.
    Definite,
    /// The provider has given no definite answer. Carries the wait that it asked for, if it did.
    None(Option<Duration>),
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Self {
        tracing::warn!(error = %failure, "a membership could not be checked");
        match failure {
            Failure::Busy(wait) => Self::None(Some(wait)),
            _ => Self::None(None),
        }
    }
}

/// Makes a check, if it can be taken.
///
/// # Errors
/// DynamoDB failed before the check was taken. After that the check stays, and the timer wakes it.
pub async fn check(app: &App, user: UserId, namespace: Namespace, deadline: Deadline) -> Result<()> {
    let now = app.clock.now();
    let Some(check) = app.store.take_membership_check(user, namespace, app.random.id()?, now).await? else {
        return Ok(());
    };
    let answer = match timeout(deadline.left(now), attempt(app, &check)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => {
            tracing::error!(%error, "DynamoDB failed during a membership check");
            Answer::None(None)
        }
        Err(_) => Answer::None(None),
    };
    match answer {
        Answer::Definite => app.store.finish_membership_check(&check).await,
        Answer::None(wait) => {
            let now = app.clock.now();
            let backoff = backoff(check.attempts, suspended(check.asked_at, now)).max(wait.unwrap_or_default());
            let backoff = i64::try_from(backoff.min(SUSPENDED_BACKOFF).as_millis()).unwrap_or(i64::MAX);
            app.store.put_off_membership_check(&check, Millis(now.0.saturating_add(backoff))).await
        }
    }
}

/// 1, 2, 4 … minutes, up to [`MAX_BACKOFF`].
fn backoff(attempts: u32, suspended: bool) -> Duration {
    if suspended { SUSPENDED_BACKOFF } else { Duration::from_mins(1 << attempts.min(6)).min(MAX_BACKOFF) }
}

async fn attempt(app: &App, check: &MembershipCheck) -> Result<Answer> {
    let MembershipCheck { user, namespace, .. } = *check;
    let membership = app.store.find_membership(user, namespace).await?;
    let Some(membership) =
        membership.filter(|membership| membership.due(app.clock.now(), app.settings.membership_max_age))
    else {
        return Ok(Answer::Definite);
    };
    match app.providers.is_configured(namespace.vcs) {
        Ok(true) => {}
        // The provider is not configured, so nobody can be asked. Memberships do not age in this case.
        Ok(false) => {
            app.store.confirm_membership(user, namespace, app.clock.now()).await?;
            return Ok(Answer::Definite);
        }
        // It is not known yet whether the provider is configured.
        Err(_) => return Ok(Answer::None(None)),
    }
    if app.providers.get(namespace.vcs).is_err() {
        return Ok(Answer::None(None));
    }
    let audit_entry = |change| audit_record(app, change);
    match app.vcs_identity(user, namespace.vcs).await {
        Ok((_, token)) => match app.check_memberships(user, namespace.vcs, &token, PROVIDER_WAIT, audit_entry).await? {
            Ok(Replaced::Unchanged | Replaced::Changed) => Ok(Answer::Definite),
            Ok(Replaced::Overtaken) => Ok(Answer::None(None)),
            Err(Failure::Rejected | Failure::Forbidden) => ask_as_installation(app, check, membership).await,
            Err(failure) => Ok(failure.into()),
        },
        Err(Error::Forbidden { code: Code::ProviderRejected, .. }) => ask_as_installation(app, check, membership).await,
        // The person has not signed in there, so their number is unknown; or the provider or DynamoDB is unavailable.
        Err(Error::NotFound | Error::Unavailable { .. }) => Ok(Answer::None(None)),
        Err(error) => Err(error),
    }
}

/// Asks with the installation's token, which answers for this membership only.
async fn ask_as_installation(app: &App, check: &MembershipCheck, membership: Membership) -> Result<Answer> {
    let MembershipCheck { user, namespace, .. } = *check;
    let Some(Identity { profile, .. }) = app.store.find_identity(user, namespace.vcs).await? else {
        return Ok(Answer::None(None));
    };
    let token: Option<SecretText> = group_token(app, namespace).await?;
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
        Ok(Err(failure)) => return Ok(failure.into()),
        Err(_) => return Ok(Answer::None(None)),
    }
    Ok(Answer::Definite)
}

/// The audit entry of a change that the service makes itself.
fn audit_record(app: &App, change: PermissionChange) -> Result<NewAuditEntry> {
    let done = (AuditAction::PermissionChanged, AuditOutcome::Success);
    let entry = ClientInfo::default().audited(app.clock.now(), done, None, None);
    app.audit_record(AuditEntry { subject: Some(change), ..entry })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_an_hour_and_grows_when_suspended() {
        let pauses: Vec<_> = [0, 1, 5, 6, 100].map(|attempts| backoff(attempts, false).as_secs()).to_vec();
        assert_eq!(pauses, [60, 120, 1_920, 3_600, 3_600]);
        assert_eq!(backoff(0, true).as_secs(), 6 * 3_600);
    }
}
