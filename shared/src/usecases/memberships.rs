//! Checks whether people are members of the installations in which they act, and asks their providers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use tokio::time::timeout;

use crate::domain::{
    Code, Error, InstallationId, Membership, Millis, Namespace, PermissionChange, Result, SecretText, UserId, Vcs,
    is_service_user, suspended,
};
use crate::runtime::App;
use crate::store::{MembershipFence, NewAuditEntry, ProviderAnswer, Replaced, Unlisted};
use crate::vcs::{Failure, InstallationAccess, Provider};

/// What a provider lists for a person, and when it was asked.
#[derive(Clone, Debug)]
pub struct ProviderListing {
    /// Whose list.
    pub vcs: Vcs,
    /// The installations in it.
    pub listed: BTreeSet<InstallationId>,
    /// Drawn before the provider was asked.
    pub fence: MembershipFence,
    /// When it was asked.
    pub asked_at: Millis,
}

/// What a provider's list does to the installations in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The person becomes a member of those where they are none.
    Grant,
    /// Only existing memberships are confirmed.
    Confirm,
}

/// What became of a person's memberships.
#[derive(Clone, Debug)]
pub struct Settled {
    /// How their replacement ended.
    pub outcome: Replaced,
    /// The installations from which the App was removed, and whose members stay members.
    pub uninstalled: BTreeSet<InstallationId>,
}

/// Questions to a provider that are under way at the same time.
const CONCURRENCY: usize = 16;

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
    /// denies. Without stored memberships the provider is not asked. Waits at most `wait` for it.
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
        let listing = ProviderListing { vcs, listed, fence, asked_at };
        let settled = self.settle_memberships(user, &listing, Admission::Confirm, wait, audit_entry).await?;
        Ok(settled.map(|settled| settled.outcome))
    }

    /// Replaces a person's memberships at a provider by its list. GitHub does not list installations from which the App was
    /// removed, so it is asked about each missing one, for at most `wait`; memberships there stay.
    ///
    /// # Errors
    /// The inner one: the provider did not say where the App is installed, and nothing was changed.
    pub async fn settle_memberships(
        &self,
        user: UserId,
        listing: &ProviderListing,
        admission: Admission,
        wait: Duration,
        audit_entry: impl Fn(PermissionChange) -> Result<NewAuditEntry>,
    ) -> Result<std::result::Result<Settled, Failure>> {
        let ProviderListing { vcs, ref listed, fence, asked_at } = *listing;
        let (mut installed, max_age) = (BTreeMap::new(), self.settings.membership_max_age);
        loop {
            let unlisted = match vcs {
                Vcs::Github => Unlisted::DeniedWhereInstalled(&installed),
                // A group is listed for as long as a person belongs to it.
                Vcs::Gitlab => Unlisted::Denied,
            };
            let answer = ProviderAnswer { listed, unlisted, fence, asked_at, max_age };
            let outcome = match admission {
                Admission::Grant => self.store.replace_memberships(user, vcs, answer, &audit_entry).await?,
                Admission::Confirm => self.store.retain_memberships(user, vcs, answer, &audit_entry).await?,
            };
            let Replaced::Undecided(missing) = outcome else {
                let uninstalled = installed.into_iter().filter(|(_, installed)| !installed).map(|(id, _)| id).collect();
                return Ok(Ok(Settled { outcome, uninstalled }));
            };
            match timeout(wait, where_installed(self.providers.get(vcs)?, missing, self.clock.now())).await {
                Ok(Ok(answers)) => installed.extend(answers),
                Ok(Err(failure)) => return Ok(Err(failure)),
                Err(elapsed) => return Ok(Err(Failure::Unavailable(elapsed.into()))),
            }
        }
    }
}

/// Whether the App is installed in each of these installations.
async fn where_installed(
    provider: &dyn Provider,
    installations: BTreeSet<InstallationId>,
    now: Millis,
) -> std::result::Result<Vec<(InstallationId, bool)>, Failure> {
    let ask = |installation: InstallationId| async move {
        let access = InstallationAccess { installation, token: None, now };
        provider.is_installed(access).await.map(|installed| (installation, installed))
    };
    stream::iter(installations.into_iter().map(ask)).buffer_unordered(CONCURRENCY).try_collect().await
}
