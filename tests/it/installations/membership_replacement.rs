//! Membership replacements that overtake each other, are killed, or meet busy storage.

use std::collections::{BTreeMap, BTreeSet};

use terrapi::domain::{
    AuditAction, AuditChange, AuditEntry, AuditFilter, AuditOutcome, InstallationId, MembershipMaxAge, Millis,
    Namespace, Permission, Vcs,
};
use terrapi::http::ClientInfo;
use terrapi::runtime::Clock;
use terrapi::store::{MembershipFence, ProviderAnswer, Replaced};

use super::{GITHUB, installation_ids, listed_ids};
use crate::support::TestService;
use crate::support::faulty::Refusal;
use crate::support::github::Installation;
use crate::support::provider_user::{OCTOCAT, signed_in};

async fn fence(service: &TestService) -> MembershipFence {
    service.app.store.draw_membership_fence(service.user, Vcs::Github).await.unwrap()
}

async fn try_replace(
    service: &TestService,
    wanted: &BTreeSet<InstallationId>,
    fence: MembershipFence,
) -> terrapi::domain::Result<Replaced> {
    let done = (AuditAction::PermissionChanged, AuditOutcome::Success);
    let entry = ClientInfo::default().audited(service.clock.now(), done, service.user, None);
    let note = |change| service.app.audit_record(AuditEntry { subject: Some(change), ..entry.clone() });
    let (asked_at, max_age) = (service.clock.now(), MembershipMaxAge::default());
    let answer = ProviderAnswer { listed: wanted, fence, asked_at, max_age };
    service.app.store.replace_memberships(service.user, Vcs::Github, answer, note).await
}

async fn replace(service: &TestService, wanted: &BTreeSet<InstallationId>, fence: MembershipFence) -> Replaced {
    try_replace(service, wanted, fence).await.unwrap()
}

/// The number of audit entries for each removed and granted membership of the user.
async fn audited(service: &TestService) -> BTreeMap<(InstallationId, bool), usize> {
    let (mut audited, mut after) = (BTreeMap::new(), None::<String>);
    loop {
        let (all, now) = (AuditFilter::default(), service.clock.now());
        let (entries, next) = service.app.store.list_audit(&all, after.as_deref(), 100, now).await.unwrap();
        for entry in entries {
            let change = entry.subject.unwrap();
            let Permission::Member(namespace) = change.permission else { panic!("{change:?}") };
            *audited.entry((namespace.installation, change.change == AuditChange::Granted)).or_default() += 1;
        }
        after = next;
        if after.is_none() {
            return audited;
        }
    }
}

async fn known(service: &TestService) -> BTreeSet<InstallationId> {
    service.app.store.list_memberships(service.user, Vcs::Github).await.unwrap()
}

#[tokio::test]
async fn older_listing_changes_nothing_after_a_newer_one() {
    let service = TestService::new().await;
    let (older, newer) = (fence(&service).await, fence(&service).await);
    assert!(older < newer);
    assert_eq!(replace(&service, &installation_ids([1]), newer).await, Replaced::Changed);
    assert_eq!(replace(&service, &installation_ids([1, 12345]), older).await, Replaced::Overtaken);
    assert_eq!(known(&service).await, installation_ids([1]));
    assert_eq!(replace(&service, &installation_ids([1]), newer).await, Replaced::Unchanged, "the same once more");
    assert_eq!(replace(&service, &installation_ids([1, 2]), fence(&service).await).await, Replaced::Changed);
}

#[tokio::test]
async fn overtaken_listing_stops_writing() {
    let service = TestService::new().await;
    let (first, second) = (fence(&service).await, fence(&service).await);
    let gate = service.faulty.on("TransactWriteItems").first(1).hold_before_store();
    let with_another = installation_ids([12345, 67890, 7]);
    let older = replace(&service, &with_another, first);
    let newer = async {
        gate.arrived(1).await;
        let outcome = replace(&service, &installation_ids([67890]), second).await;
        gate.release();
        outcome
    };
    let (older, newer) = tokio::join!(older, newer);
    assert_eq!((older, newer), (Replaced::Overtaken, Replaced::Changed));
    assert_eq!(known(&service).await, installation_ids([67890]));
}

#[tokio::test]
async fn killed_replacement_removes_before_adding_and_is_finished() {
    let lost: BTreeSet<_> = (1..=60).map(InstallationId::new).collect();
    let won: BTreeSet<_> = (1_001..=1_060).map(InstallationId::new).collect();
    let own = installation_ids([12345, 67890]);
    for after_store in [false, true] {
        for call in 1.. {
            let service = TestService::new().await;
            assert_eq!(replace(&service, &lost, fence(&service).await).await, Replaced::Changed);
            let second = fence(&service).await;
            let rule = service.faulty.on("*").nth(call);
            let hits = if after_store { rule.die_after_store() } else { rule.die_before_store() };
            let _ = try_replace(&service, &won, second).await;
            service.faulty.heal();
            let seen = known(&service).await;
            let (kept, given) = (seen.intersection(&lost).count(), seen.intersection(&won).count());
            assert!(kept == 0 || given == 0, "call {call}: {kept} kept, {given} given");
            replace(&service, &won, fence(&service).await).await;
            assert_eq!(known(&service).await, won, "call {call}");
            let given = lost.iter().chain(&won).map(|id| ((*id, true), 1));
            let expected = given.chain(own.iter().chain(&lost).map(|id| ((*id, false), 1))).collect();
            assert_eq!(audited(&service).await, expected, "each change once, however often it was tried: call {call}");
            if hits.count() == 0 {
                assert!(call > 4, "only {} calls were killed", call - 1);
                break;
            }
        }
    }
}

#[tokio::test]
async fn busy_storage_and_lost_answers_are_hidden_from_the_caller() {
    let service = signed_in(Vcs::Github).await;
    service.github.hub(|hub| {
        hub.installation(12345).members.clear();
        hub.installations.insert(7, Installation::of("fresh", "Organization").with_member(OCTOCAT));
    });
    let conflict = service.faulty.on("TransactWriteItems").first(1).refuse(Refusal::TransactionCanceledByConflict);
    let lost = service.faulty.on("PutItem").first(1).cut_after_store();
    assert_eq!(listed_ids(&service.get(GITHUB, &service.token(&[])).await.ok()), ["7", "67890"]);
    assert_eq!((conflict.count(), lost.count()), (1, 1));
    assert_eq!(known(&service).await, installation_ids([7, 67890]));
}

#[tokio::test]
async fn late_answer_does_not_undo_a_later_confirmation() {
    let service = TestService::new().await;
    let (store, now) = (&service.app.store, service.clock.now());
    let here = Namespace { vcs: Vcs::Github, installation: InstallationId::new(12345) };
    let checked_at = async || store.find_membership(service.user, here).await.unwrap().unwrap().checked_at;
    let later = Millis(now.0 + 1_000);
    store.confirm_membership(service.user, here, later).await.unwrap();
    store.confirm_membership(service.user, here, now).await.unwrap();
    assert_eq!(checked_at().await, Some(later), "an older confirmation changes nothing");
    assert_eq!(replace(&service, &installation_ids([67890]), fence(&service).await).await, Replaced::Overtaken);
    assert_eq!(known(&service).await, installation_ids([12345, 67890]), "an older denial changes nothing");
    service.clock.advance_ms(1_000);
    assert_eq!(replace(&service, &installation_ids([67890]), fence(&service).await).await, Replaced::Changed);
    assert_eq!(known(&service).await, installation_ids([67890]));
}
