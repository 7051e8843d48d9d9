//! The drift runs of all installations.

use futures::future::join_all;
use serde_json::{Value, json};
use terrapi::domain::{
    Capability, InstallationId, Millis, Namespace, RepositoryName, Run, RunId, RunKind, RunRepository, RunState,
    RunType, UserId, Vcs,
};
use terrapi::runtime::{Clock, Random};

use crate::support::TestService;
use crate::support::service::START;

const DRIFTS: &str = "/api/v1/admin/drifts";

fn namespace(vcs: Vcs, installation: u64) -> Namespace {
    Namespace { vcs, installation: InstallationId::new(installation) }
}

/// A drift run of this moment, not stored.
pub fn run(service: &TestService, vcs: Vcs, repository: u64) -> Run {
    let name = RepositoryName::new(format!("repo-{repository}")).unwrap();
    Run {
        id: RunId::new(Random::default().id().unwrap()),
        namespace: namespace(vcs, 12345),
        repository: RunRepository { id: repository, owner: "acme".into(), name },
        kind: RunKind::Drift,
        run_type: RunType::Plan,
        state: RunState::Queued,
        created_at: service.clock.now(),
        completed_at: None,
    }
}

async fn create(service: &TestService, run: &Run) {
    service.app.store.create_run(run).await.unwrap();
}

async fn pages(service: &TestService, query: &str) -> Vec<Vec<Value>> {
    super::pages(service, format!("{DRIFTS}?{query}")).await
}

async fn listed(service: &TestService) -> Vec<Value> {
    pages(service, "").await.concat()
}

/// What the listing says of one run.
async fn told(service: &TestService, run: &Run) -> Value {
    let listed = listed(service).await;
    let mut found = listed.into_iter().filter(|item| item["id"] == run.id.to_string());
    let item = found.next().unwrap();
    assert_eq!(found.next(), None, "it is listed once");
    item
}

#[tokio::test]
async fn runs_of_both_providers_and_all_installations_are_listed_newest_first() {
    let service = TestService::new().await;
    let mut expected = Vec::new();
    for (vcs, installation) in [(Vcs::Github, 12345), (Vcs::Gitlab, 12345), (Vcs::Github, 999), (Vcs::Gitlab, 7)] {
        let one = Run { namespace: namespace(vcs, installation), ..run(&service, vcs, 1) };
        create(&service, &one).await;
        let (id, created_at) = (one.id.to_string(), one.created_at.rfc3339());
        expected.insert(0, json!({
            "id": id, "vcs": vcs.as_str(), "installation_id": installation.to_string(), "owner": "acme", "name": "repo-1",
            "state": "queued", "run_type": "plan", "created_at": created_at, "unlocked": false,
        }));
        service.clock.advance_ms(10);
    }
    assert_eq!(listed(&service).await, expected);
}

#[tokio::test]
async fn a_run_that_is_not_about_drift_is_never_listed() {
    let service = TestService::new().await;
    for kind in [RunKind::PullRequest { number: 7 }, RunKind::Index] {
        let other = Run { kind, ..run(&service, Vcs::Github, 1) };
        create(&service, &other).await;
        service.app.store.move_run(other.id, RunState::Running, service.clock.now()).await.unwrap();
        assert_eq!(service.app.store.find_run(other.id).await.unwrap().unwrap().kind, kind);
    }
    assert!(listed(&service).await.is_empty());
    let drift = run(&service, Vcs::Github, 1);
    create(&service, &drift).await;
    assert_eq!(listed(&service).await.len(), 1);
}

#[tokio::test]
async fn every_run_is_on_one_page_whatever_the_size_also_of_one_millisecond_and_with_cut_answers() {
    let service = TestService::new().await;
    for number in 0..40 {
        create(&service, &run(&service, Vcs::ALL[number % 2], u64::try_from(number).unwrap())).await;
        service.clock.advance_ms(i64::from(number % 3 == 0));
    }
    let whole = pages(&service, "limit=100").await;
    assert_eq!((whole.len(), whole[0].len()), (1, 40));
    let order: Vec<_> = whole[0].iter().map(|run| (run["created_at"].as_str(), run["id"].as_str())).collect();
    assert!(order.is_sorted_by(|one, next| one > next), "{order:?}");
    assert_eq!(service.get(DRIFTS, &service.admin_token(&[])).await.ok()["results"].as_array().unwrap().len(), 20);
    for limit in [1, 3, 7, 39, 40] {
        let found = pages(&service, &format!("limit={limit}")).await;
        assert!(found.iter().all(|page| page.len() <= limit));
        assert_eq!(found.concat(), whole[0], "{limit}");
    }
    // As the limits of 1 MB and 16 MB would end the reading.
    let (queries, batches) = (service.faulty.on("Query").page_of(2), service.faulty.on("BatchGetItem").process_only(1));
    for limit in [1, 7, 100] {
        assert_eq!(pages(&service, &format!("limit={limit}")).await.concat(), whole[0], "{limit}");
    }
    assert!(queries.count() > 0 && batches.count() > 0);
}

#[tokio::test]
async fn a_page_costs_the_same_however_many_runs_there_are_of_whatever_kind() {
    let service = TestService::new().await;
    let mut costs = Vec::new();
    for round in 0..3 {
        let runs: Vec<_> = (0..150)
            .map(|number| Run {
                kind: if number % 2 == 0 { RunKind::Drift } else { RunKind::PullRequest { number } },
                ..run(&service, Vcs::Github, number)
            })
            .collect();
        join_all(runs.iter().map(|run| create(&service, run))).await;
        service.clock.advance_ms(1);
        let page = async { service.get(&format!("{DRIFTS}?limit=10"), &service.admin_token(&[])).await.ok() };
        let (_, calls) = service.faulty.ledger().during(page).await;
        let names: Vec<_> = calls.iter().map(|call| call.operation.clone()).collect();
        assert_eq!(names, ["GetItem", "Query", "Query", "Query", "Query", "BatchGetItem"], "{round}");
        costs.push(calls.iter().map(|call| call.read_units).sum::<f64>());
    }
    let full = service.get(&format!("{DRIFTS}?limit=1000"), &service.admin_token(&[])).await;
    assert_eq!(full.ok()["results"].as_array().unwrap().len(), 100, "the maximum");
    assert!(full.next().is_some());
    assert_eq!(costs[1].to_bits(), costs[2].to_bits(), "{costs:?}");
}

#[tokio::test]
async fn a_run_is_unlocked_by_an_unlock_of_its_own_repository_s_drift_when_it_was_created_or_later() {
    let service = TestService::new().await;
    let store = &service.app.store;
    let before = run(&service, Vcs::Github, 1);
    service.clock.advance_ms(1_000);
    let at = service.clock.now();
    let now = run(&service, Vcs::Github, 1);
    service.clock.advance_ms(1);
    let after = run(&service, Vcs::Github, 1);
    let others = [
        run(&service, Vcs::Github, 2),
        run(&service, Vcs::Gitlab, 1),
        Run { namespace: namespace(Vcs::Github, 67890), ..run(&service, Vcs::Github, 1) },
    ];
    let others = others.map(|other| Run { created_at: before.created_at, ..other });
    let all = [&[before.clone(), now.clone(), after.clone()], &others[..]].concat();
    for run in &all {
        create(&service, run).await;
        assert_eq!(told(&service, run).await["unlocked"], false, "never unlocked");
    }
    let unlocked = async || {
        let listed = listed(&service).await;
        let of = |run: &Run| listed.iter().find(|item| item["id"] == run.id.to_string()).unwrap()["unlocked"] == true;
        all.iter().map(of).collect::<Vec<_>>()
    };
    store.unlock_drift(before.namespace, 1, at).await.unwrap();
    assert_eq!(unlocked().await, [true, true, false, false, false, false]);
    // One that comes late, or twice, does not take a later one back.
    store.unlock_drift(before.namespace, 1, Millis(before.created_at.0 - 1)).await.unwrap();
    store.unlock_drift(before.namespace, 1, at).await.unwrap();
    assert_eq!(unlocked().await, [true, true, false, false, false, false]);
    let lost = service.faulty.on("UpdateItem").nth(1).cut_after_store();
    store.unlock_drift(before.namespace, 1, after.created_at).await.unwrap();
    assert_eq!(lost.count(), 1);
    assert_eq!(unlocked().await, [true, true, true, false, false, false]);
    assert_eq!(told(&service, &before).await["state"], "queued", "an unlock leaves the stored state alone");
}

#[tokio::test]
async fn a_run_is_listed_with_the_state_that_is_stored_and_when_it_ended() {
    use RunState::{Aborted, Completed, Running};
    let service = TestService::new().await;
    for ways in [&[][..], &[Running], &[Running, Completed], &[Running, Aborted], &[Completed], &[Aborted]] {
        let one = Run { run_type: RunType::Apply, ..run(&service, Vcs::Gitlab, 1) };
        create(&service, &one).await;
        for state in ways {
            service.clock.advance_ms(1_500);
            let moved = service.app.store.move_run(one.id, *state, service.clock.now()).await.unwrap().unwrap();
            assert_eq!(moved.state, *state);
        }
        let told = told(&service, &one).await;
        let last = ways.last().copied().unwrap_or(RunState::Queued);
        assert_eq!(told["state"], serde_json::to_value(last).unwrap());
        assert_eq!(told["run_type"], "apply");
        assert_eq!(told["created_at"], one.created_at.rfc3339());
        let ended = last.is_final().then(|| service.clock.now().rfc3339());
        assert_eq!(told.get("completed_at").and_then(Value::as_str), ended.as_deref());
    }
}

#[tokio::test]
async fn odd_position_is_rejected_or_stays_in_its_listing() {
    let service = TestService::new().await;
    create(&service, &run(&service, Vcs::Github, 1)).await;
    let at = async |position: Value| format!("{DRIFTS}?page={}", service.cursor("drifts", &position).await);
    let token = service.admin_token(&[]);
    for bad in [
        json!(""),
        json!("#"),
        json!("zzz"),
        json!(1),
        json!(null),
        json!({}),
        json!("\u{0}"),
        json!("k".repeat(3_000)),
    ] {
        assert_eq!(service.get(&at(bad).await, &token).await.failed(400), "INVALID_CURSOR");
    }
    let id = "0190a5d0-ac96-774b-bcce-b302099a8057";
    for (millis, count) in [(0, 0), (START.0 - 1, 0), (START.0 + 1, 1), (999_999_999_999_999, 1)] {
        let page = service.get(&at(json!(format!("{millis:015}#{id}"))).await, &token).await.ok();
        assert_eq!(page["results"].as_array().unwrap().len(), count, "{millis}");
    }
    let last = format!("{:015}#{id}", START.0 + 1);
    for other in ["dead-letters", "audit", ""] {
        let cursor = service.cursor(other, &json!(last)).await;
        assert_eq!(
            service.get(&format!("{DRIFTS}?page={cursor}"), &token).await.failed(400),
            "INVALID_CURSOR",
            "{other}"
        );
    }
    let cursor = service.cursor("drifts", &json!(last)).await;
    for other in ["/api/v1/admin/audit", "/api/v1/admin/dead-letters", "/api/v1/github/access-token"] {
        let token = service.admin_token(&[Capability::AccessTokenCreate]);
        assert_eq!(
            service.get(&format!("{other}?page={cursor}"), &token).await.failed(400),
            "INVALID_CURSOR",
            "{other}"
        );
    }
}

#[tokio::test]
async fn only_administrators_see_it_whatever_they_show() {
    let service = TestService::new().await;
    create(&service, &run(&service, Vcs::Github, 1)).await;
    let cookie = service.session_of(service.user).await;
    let shown = service.browse(http::Method::GET, DRIFTS, &cookie, None).await.ok();
    assert_eq!(shown["results"].as_array().unwrap().len(), 1);
    let stranger = UserId::new(Random::default().id().unwrap());
    assert_eq!(service.get(DRIFTS, &service.admin_token_of(stranger, &[])).await.failed(403), "ADMINISTRATOR_REQUIRED");
    let theirs = service.session_of(stranger).await;
    assert_eq!(service.browse(http::Method::GET, DRIFTS, &theirs, None).await.failed(403), "ADMINISTRATOR_REQUIRED");
    let limited = service.admin_token(&[Capability::InstallationId("12345".into())]);
    assert_eq!(
        service.get(DRIFTS, &limited).await.failed(403),
        "INSTALLATION_FORBIDDEN",
        "an administrator's, but limited"
    );
    assert_eq!(service.get(DRIFTS, &service.api_key(&[]).await).await.failed(403), "API_KEY_NOT_ACCEPTED");
    assert_eq!(service.get(DRIFTS, "").await.failed(403), "INVALID_TOKEN");
}
