//! Checks one membership at its provider: with the person's own token, which answers for all their memberships there, else
//! with the installation's.

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
use crate::task::Deadline;

/// How long a provider is waited for.
const PROVIDER_WAIT: Duration = Duration::from_secs(45);
/// The longest pause between two attempts while the membership is still served.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// The pause between two attempts when the membership is suspended.
const SUSPENDED_PAUSE: Duration = Duration::from_hours(6);

/// How an attempt ends.
enum Answer {
    /// The provider has said yes or no, and that is written down; or there is nothing to ask any more.
    Definite,
    /// It has said neither, and perhaps how long it wants to be left alone.
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

/// Makes a check, if it is there to be taken.
///
/// # Errors
/// Storage failed before the check was taken. After that the check stays, and the timer wakes it.
pub async fn check(app: &App, user: UserId, namespace: Namespace, deadline: Deadline) -> Result<()> {
    let now = app.clock.now();
    let Some(check) = app.store.take_membership_check(user, namespace, app.random.id()?, now).await? else {
        return Ok(());
    };
    let answer = match timeout(deadline.left(now), attempt(app, &check)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => {
            tracing::error!(%error, "storage failed in the middle of a membership's check");
            Answer::None(None)
        }
        Err(_) => Answer::None(None),
    };
    match answer {
        Answer::Definite => app.store.finish_membership_check(&check).await,
        Answer::None(wait) => {
            let now = app.clock.now();
            let pause = pause(check.attempts, suspended(check.asked_at, now)).max(wait.unwrap_or_default());
            let pause = i64::try_from(pause.min(SUSPENDED_PAUSE).as_millis()).unwrap_or(i64::MAX);
            app.store.put_off_membership_check(&check, Millis(now.0.saturating_add(pause))).await
        }
    }
}

/// 1, 2, 4 … minutes, up to the longest.
fn pause(attempts: u32, suspended: bool) -> Duration {
    if suspended { SUSPENDED_PAUSE } else { Duration::from_mins(1 << attempts.min(6)).min(LONGEST_PAUSE) }
}

async fn attempt(app: &App, check: &MembershipCheck) -> Result<Answer> {
    let MembershipCheck { user, namespace, .. } = *check;
    let seen = app.store.find_membership(user, namespace).await?;
    let Some(seen) = seen.filter(|seen| seen.due(app.clock.now(), app.settings.membership_max_age)) else {
        return Ok(Answer::Definite);
    };
    match app.providers.is_configured(namespace.vcs) {
        Ok(true) => {}
        // Nobody to ask: memberships do not age here.
        Ok(false) => {
            app.store.confirm_membership(user, namespace, app.clock.now()).await?;
            return Ok(Answer::Definite);
        }
        // Whether there is somebody to ask is not known yet.
        Err(_) => return Ok(Answer::None(None)),
    }
    if app.providers.get(namespace.vcs).is_err() {
        return Ok(Answer::None(None));
    }
    let note = |change| noted(app, change);
    match app.vcs_identity(user, namespace.vcs).await {
        Ok((_, token)) => match app.check_memberships(user, namespace.vcs, &token, PROVIDER_WAIT, note).await? {
            Ok(Replaced::Unchanged | Replaced::Changed) => Ok(Answer::Definite),
            Ok(Replaced::Overtaken) => Ok(Answer::None(None)),
            Err(Failure::Rejected | Failure::Forbidden) => as_installation(app, check, seen).await,
            Err(failure) => Ok(failure.into()),
        },
        Err(Error::Forbidden { code: Code::ProviderRejected, .. }) => as_installation(app, check, seen).await,
        // They have not signed in there, so there is no number to ask about; or somebody is away.
        Err(Error::NotFound | Error::Unavailable { .. }) => Ok(Answer::None(None)),
        Err(error) => Err(error),
    }
}

/// Asks with the installation's token, which answers for this membership alone.
async fn as_installation(app: &App, check: &MembershipCheck, seen: Membership) -> Result<Answer> {
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
            // Somebody who has confirmed it since has asked later.
            app.store.remove_unconfirmed_membership(user, namespace, seen, &noted(app, lost)?).await?;
        }
        Ok(Err(failure)) => return Ok(failure.into()),
        Err(_) => return Ok(Answer::None(None)),
    }
    Ok(Answer::Definite)
}

/// The entry of a change that the service makes by itself.
fn noted(app: &App, change: PermissionChange) -> Result<NewAuditEntry> {
    let done = (AuditAction::PermissionChanged, AuditOutcome::Success);
    let entry = ClientInfo::default().audited(app.clock.now(), done, None, None);
    app.audit_record(AuditEntry { subject: Some(change), ..entry })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour_and_are_longer_when_suspended() {
        let pauses: Vec<_> = [0, 1, 5, 6, 100].map(|attempts| pause(attempts, false).as_secs()).to_vec();
        assert_eq!(pauses, [60, 120, 1_920, 3_600, 3_600]);
        assert_eq!(pause(0, true).as_secs(), 6 * 3_600);
    }
}
