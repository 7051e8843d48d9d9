//! Checks whether people are members of the installations in which they act, and asks their providers.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::timeout;

use crate::domain::{
    Code, Error, InstallationId, Membership, Namespace, PermissionChange, Result, SecretText, UserId, Vcs,
    is_service_user, suspended,
};
use crate::runtime::App;
use crate::store::{NewAuditEntry, ProviderAnswer, Replaced};
use crate::vcs::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MembershipStatus {
    Member,
    /// A member by the last answer of the provider, which has given no definite answer for three days.
    Unconfirmed,
    NotMember,
}

impl App {
    /// Refuses a user who is not a member of an installation. Costs one strongly consistent read, and one write if the
    /// membership is due for a check by the worker.
    ///
    /// # Errors
    /// Forbidden: `INSTALLATION_FORBIDDEN` for a user who is not a member, `MEMBERSHIP_UNCONFIRMED` for a member whose
    /// provider has given no definite answer for three days.
    pub async fn require_member(&self, user: UserId, namespace: Namespace) -> Result<()> {
        match self.status(user, namespace).await? {
            MembershipStatus::Member => Ok(()),
            MembershipStatus::Unconfirmed => Err(Error::forbidden(Code::MembershipUnconfirmed)),
            MembershipStatus::NotMember => Err(Error::forbidden(Code::InstallationForbidden)),
        }
    }

    /// Whether [`Self::require_member`] accepts a user, at the same cost.
    pub async fn is_member(&self, user: UserId, namespace: Namespace) -> Result<bool> {
        Ok(self.status(user, namespace).await? == MembershipStatus::Member)
    }

    /// Whether at least one of these users is a member of an installation. Costs the same as [`Self::is_member`] for
    /// each user up to the first member.
    pub async fn any_member(&self, users: &BTreeSet<UserId>, namespace: Namespace) -> Result<bool> {
        for user in users {
            if self.is_member(*user, namespace).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The installations among these for which [`Self::require_member`] accepts a user. Costs one batch read of at most
    /// 100 keys, and one write for each membership that is due for a check.
    pub async fn member_among(
        &self,
        user: UserId,
        vcs: Vcs,
        installations: &BTreeSet<InstallationId>,
    ) -> Result<BTreeSet<InstallationId>> {
        let mut passed = BTreeSet::new();
        for (installation, membership) in self.store.memberships_among(user, vcs, installations).await? {
            if self.status_of(user, Namespace { vcs, installation }, membership).await? == MembershipStatus::Member {
                passed.insert(installation);
            }
        }
        Ok(passed)
    }

    async fn status(&self, user: UserId, namespace: Namespace) -> Result<MembershipStatus> {
        match self.store.find_membership(user, namespace).await? {
            Some(membership) => self.status_of(user, namespace, membership).await,
            None => Ok(MembershipStatus::NotMember),
        }
    }

    async fn status_of(&self, user: UserId, namespace: Namespace, membership: Membership) -> Result<MembershipStatus> {
        let now = self.clock.now();
        if is_service_user(user) || !membership.due(now, self.settings.membership_max_age) {
            return Ok(MembershipStatus::Member);
        }
        let asked_at = self.store.ask_membership_check(user, namespace, membership, now).await?;
        Ok(if suspended(asked_at, now) { MembershipStatus::Unconfirmed } else { MembershipStatus::Member })
    }

    /// Asks the provider for a person's memberships, with the person's own token, and removes the stored ones that it
    /// does not list. Without stored memberships the provider is not asked. Waits at most `wait` for it.
    ///
    /// # Errors
    /// The inner one: the provider gave no definite answer, and nothing was changed.
    pub async fn check_memberships(
        &self,
        user: UserId,
        vcs: Vcs,
        access: &SecretText,
        wait: Duration,
        audit_entry: impl Fn(PermissionChange) -> Result<NewAuditEntry>,
    ) -> Result<std::result::Result<Replaced, Failure>> {
        if self.store.list_memberships(user, vcs).await?.is_empty() {
            return Ok(Ok(Replaced::Unchanged));
        }
        let provider = self.providers.get(vcs)?;
        let fence = self.store.draw_membership_fence(user, vcs).await?;
        let asked_at = self.clock.now();
        let listed = match timeout(wait, provider.installations_of_user(access)).await {
            Ok(Ok(listed)) => listed.into_iter().map(|installation| installation.id).collect(),
            Ok(Err(failure)) => return Ok(Err(failure)),
            Err(elapsed) => return Ok(Err(Failure::Unavailable(elapsed.into()))),
        };
        let max_age = self.settings.membership_max_age;
        let answer = ProviderAnswer { listed: &listed, fence, asked_at, max_age };
        self.store.retain_memberships(user, vcs, answer, audit_entry).await.map(Ok)
    }
}
