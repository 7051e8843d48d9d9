//! The worker: it folds commits, works on tasks and checks memberships.

mod interrupted_refresh;
mod kv_stream;
mod leases;
mod membership_checks;
mod repository_refresh;
mod stored_repositories;
mod task_leases;

use http::Method;
use serde_json::{Value, json};
use terrapi::domain::Millis;
use terrapi::runtime::Clock;
use worker::{BatchAnswer, handle};

use crate::installations::{INSTALLATION, REFRESH, token};
use crate::support::TestService;

const LIST: &str = "GET /installation/repositories";
const GET_CONTENTS: &str = "GET /repos/{owner}/{repo}/contents/{path}";
const WORKFLOW: &str = ".github/workflows/terrateam.yml";

/// Sets the repositories of installation 12345 at GitHub: `r1`, `r2`, …, every third of them set up.
fn set_repositories(service: &TestService, ids: impl IntoIterator<Item = u64>) {
    service.github.hub(|hub| {
        let installation = hub.installation(12345);
        installation.repositories.clear();
        for id in ids {
            let repository = installation.add(id, &format!("r{id}"));
            if id % 3 == 0 {
                repository.files.insert(WORKFLOW.into());
            }
        }
    });
}

/// Starts a refresh. Returns the path of its task.
async fn start_refresh(service: &TestService) -> String {
    let begun = service.call(Method::POST, REFRESH, &token(service), None).await.ok();
    format!("/api/v1/tasks/{}", begun["id"].as_str().unwrap())
}

async fn read_task(service: &TestService, task: &str) -> Value {
    service.get(task, &token(service)).await.ok()
}

/// The stored repositories: id, and whether each is set up.
async fn stored_repositories(service: &TestService) -> Vec<(u64, bool)> {
    let mut found = Vec::new();
    for id in service.backend.repositories("github#12345").await {
        let known = service.app.store.find_repository(INSTALLATION, id).await.unwrap().unwrap().repository;
        assert_eq!((known.owner, known.name.as_str()), ("acme".to_owned(), format!("r{id}").as_str()));
        found.push((id, known.setup));
    }
    found
}

fn expected(ids: impl IntoIterator<Item = u64>) -> Vec<(u64, bool)> {
    ids.into_iter().map(|id| (id, id % 3 == 0)).collect()
}

/// Runs the worker's schedule.
async fn run_timer(service: &TestService) {
    let event = serde_json::from_value(json!({"timer": "tasks"})).unwrap();
    assert_eq!(handle(&service.app_of("worker"), event, Millis(i64::MAX)).await.unwrap(), BatchAnswer::default());
}

/// The deadline of an invocation with time for one step.
fn deadline_of_one_step(service: &TestService) -> Millis {
    Millis(service.clock.now().0 + 29_000)
}
