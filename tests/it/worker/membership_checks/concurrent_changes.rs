//! Checks that are killed, postponed or overtaken by another change of the membership.

use terrapi::domain::{AuditAction, AuditChange, AuditEntry, AuditOutcome, Millis, Permission, PermissionChange, Vcs};
use terrapi::http::ClientInfo;
use terrapi::runtime::Clock;
use terrapi::store::NewAuditEntry;

use super::{answer, membership, service_with_old_memberships};
use crate::installations::INSTALLATION;
use crate::support::TestService;
use crate::support::provider_user::{OCTOCAT, permission_changes};
use crate::worker::run_timer;

#[tokio::test]
async fn killed_check_is_repeated() {
    for call in 1.. {
        let (service, mut pump) = service_with_old_memberships(Vcs::Github).await;
        service.github.hub(|hub| hub.installation(12345).members.remove(&OCTOCAT));
        assert_eq!(answer(&service, INSTALLATION).await, "OK");
        let hits = service.faulty.on("*").nth(call).die_after_store();
        pump.step(&service, Millis(i64::MAX)).await;
        service.faulty.heal();
        for _ in 0..3 {
            service.clock.advance_ms(300_000);
            run_timer(&service).await;
            pump.run(&service).await;
        }
        assert_eq!(answer(&service, INSTALLATION).await, "INSTALLATION_FORBIDDEN", "call {call}");
        assert_eq!(permission_changes(&service).await.len(), 1, "call {call}");
        if hits.count() == 0 {
            assert!(call > 6, "only {} calls were killed", call - 1);
            break;
        }
    }
}

fn revoked(service: &TestService) -> NewAuditEntry {
    let change = PermissionChange {
        user: service.user,
        permission: Permission::Member(INSTALLATION),
        change: AuditChange::Revoked,
    };
    let done = (AuditAction::PermissionChanged, AuditOutcome::Success);
    let entry = ClientInfo::default().audited(service.clock.now(), done, None, None);
    service.app.audit_record(AuditEntry { subject: Some(change), ..entry }).unwrap()
}

#[tokio::test]
async fn older_denial_does_not_remove_a_newer_confirmation() {
    let service = TestService::new().await;
    let seen = membership(&service, INSTALLATION).await.unwrap();
    service.clock.advance_ms(1);
    service.app.store.confirm_membership(service.user, INSTALLATION, service.clock.now()).await.unwrap();
    let store = &service.app.store;
    assert!(!store.remove_unconfirmed_membership(service.user, INSTALLATION, seen, &revoked(&service)).await.unwrap());
    let seen = membership(&service, INSTALLATION).await.unwrap();
    assert!(store.remove_unconfirmed_membership(service.user, INSTALLATION, seen, &revoked(&service)).await.unwrap());
    assert_eq!(permission_changes(&service).await.len(), 1);
}

#[tokio::test]
async fn reported_removal_applies_immediately_and_once() {
    let service = TestService::new().await;
    let store = &service.app.store;
    assert!(store.remove_membership(service.user, INSTALLATION, &revoked(&service)).await.unwrap());
    assert_eq!(answer(&service, INSTALLATION).await, "INSTALLATION_FORBIDDEN");
    assert!(!store.remove_membership(service.user, INSTALLATION, &revoked(&service)).await.unwrap());
    store.confirm_membership(service.user, INSTALLATION, service.clock.now()).await.unwrap();
    assert!(membership(&service, INSTALLATION).await.is_none(), "a late confirmation brings nothing back");
    assert_eq!(permission_changes(&service).await.len(), 1);
}
