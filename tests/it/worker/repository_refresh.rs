//! The worker refreshes the repositories of an installation.

use http::Method;
use serde_json::{Value, json};
use terrapi::domain::{Installation, InstallationId, InstallationState, Namespace, SecretText, Vcs};
use terrapi::runtime::Clock;
use terrapi::store::operations::InstallationSecret;
use worker::BatchAnswer;

use super::{
    GET_CONTENTS, LIST, deadline_of_one_step, expected, read_task, run_timer, set_repositories, start_refresh,
    stored_repositories,
};
use crate::installations::{INSTALLATION, limited_to};
use crate::support::gitlab::BOT;
use crate::support::stand_in::Fault;
use crate::support::{StreamPump, TestService};

const GROUP: Namespace = Namespace { vcs: Vcs::Gitlab, installation: InstallationId::new(555) };
fn rate_limited_for(seconds: u64) -> Fault {
    Fault::Answer(403, vec![("retry-after", seconds.to_string()), ("x-ratelimit-remaining", "0".into())])
}

fn unavailable() -> Fault {
    Fault::Answer(502, vec![])
}

fn count(seen: &[String], route: &str) -> usize {
    seen.iter().filter(|seen| *seen == route).count()
}

#[tokio::test]
async fn faulty_provider_still_yields_each_repository_once() {
    let service = TestService::new().await;
    let mut pump = StreamPump::new(&service, "operations");
    set_repositories(&service, 1..=1200);
    let task = start_refresh(&service).await;
    let desk = service.github.desk();
    // One failure, which the client retries itself.
    desk.fail(LIST, [unavailable()]);
    for _ in 0..3 {
        assert_eq!(pump.step(&service, deadline_of_one_step(&service)).await, Some(BatchAnswer::default()));
    }
    assert_eq!(read_task(&service, &task).await["progress"]["done"], 300);
    // More failures than the client retries: the next turn starts with the same page.
    desk.fail(LIST, [unavailable(), unavailable(), unavailable()]);
    pump.step(&service, deadline_of_one_step(&service)).await.unwrap();
    assert_eq!(read_task(&service, &task).await["state"], "running");
    // In the middle of a page the provider asks the client to wait for two minutes.
    desk.fail(GET_CONTENTS, [rate_limited_for(120)]);
    pump.step(&service, deadline_of_one_step(&service)).await.unwrap();
    assert!(pump.step(&service, deadline_of_one_step(&service)).await.is_none(), "the worker is not woken before");
    service.clock.advance_ms(119_999);
    run_timer(&service).await;
    assert!(pump.step(&service, deadline_of_one_step(&service)).await.is_none());
    service.clock.advance_ms(1);
    run_timer(&service).await;
    assert_eq!(pump.run(&service).await, [BatchAnswer::default()], "with enough time, the rest is one turn");
    let ended = read_task(&service, &task).await;
    assert_eq!((&ended["state"], &ended["progress"]["done"]), (&json!("completed"), &json!(1200)), "{ended}");
    assert_eq!(stored_repositories(&service).await, expected(1..=1200));
    let seen = desk.take_seen();
    assert_eq!(count(&seen, LIST), 12 + 1 + 3 + 1, "each page once, and once more for each failed request");
    assert!((1200..=1300).contains(&count(&seen, GET_CONTENTS)), "{}", count(&seen, GET_CONTENTS));
}

#[tokio::test]
async fn second_refresh_finds_new_renamed_and_removed() {
    let service = TestService::new().await;
    let mut pump = StreamPump::new(&service, "operations");
    set_repositories(&service, [1, 2, 3, 4]);
    start_refresh(&service).await;
    pump.run(&service).await;
    service.github.hub(|hub| {
        let installation = hub.installation(12345);
        installation.repositories.retain(|repository| repository.id != 2);
        installation.add(7, "r7");
        installation.repositories[1].files.clear();
    });
    let task = start_refresh(&service).await;
    service.github.desk().take_seen();
    pump.run(&service).await;
    assert_eq!(read_task(&service, &task).await["state"], "completed");
    assert_eq!(stored_repositories(&service).await, [(1, false), (3, false), (4, false), (7, false)]);
    let seen = service.github.desk().take_seen();
    assert_eq!((count(&seen, LIST), count(&seen, GET_CONTENTS)), (2, 4), "what is missing is looked for a second time");
}

#[tokio::test]
async fn repository_moved_to_an_earlier_page_is_not_removed() {
    let service = TestService::new().await;
    let mut pump = StreamPump::new(&service, "operations");
    set_repositories(&service, 1..=150);
    start_refresh(&service).await;
    pump.run(&service).await;
    let task = start_refresh(&service).await;
    pump.step(&service, deadline_of_one_step(&service)).await.unwrap();
    // What was the first of the second page is now the last of the first.
    service.github.hub(|hub| hub.installation(12345).repositories.remove(0));
    pump.run(&service).await;
    assert_eq!(read_task(&service, &task).await["state"], "completed");
    assert_eq!(
        stored_repositories(&service).await,
        expected(1..=150),
        "the first had been seen before it went, and 101 was missed once"
    );
    start_refresh(&service).await;
    pump.run(&service).await;
    assert_eq!(stored_repositories(&service).await, expected(2..=150));
}

#[tokio::test]
async fn lease_that_runs_out_of_time_wakes_the_next_worker() {
    let service = TestService::new().await;
    let mut pump = StreamPump::new(&service, "operations");
    set_repositories(&service, 1..=250);
    let task = start_refresh(&service).await;
    let until = deadline_of_one_step(&service);
    assert_eq!(pump.run_until(&service, until).await.len(), 3, "a page each");
    assert_eq!(read_task(&service, &task).await["state"], "completed");
    assert_eq!(stored_repositories(&service).await, expected(1..=250));
}

#[tokio::test]
async fn suspended_installation_aborts_its_task() {
    let service = TestService::new().await;
    let mut pump = StreamPump::new(&service, "operations");
    set_repositories(&service, [1]);
    let task = start_refresh(&service).await;
    service.install(12345, InstallationState::Suspended).await;
    pump.run(&service).await;
    let ended = read_task(&service, &task).await;
    assert_eq!((&ended["state"], &ended["error"]), (&json!("aborted"), &json!("the installation is suspended")));
    assert!(stored_repositories(&service).await.is_empty() && service.github.desk().take_seen().is_empty());
    service.install(12345, InstallationState::Installed).await;
    let next = start_refresh(&service).await;
    assert_ne!(next, task);
    pump.run(&service).await;
    assert_eq!(stored_repositories(&service).await, expected([1]));
}

#[tokio::test]
async fn task_fails_after_five_unavailable_answers() {
    let service = TestService::new().await;
    let mut pump = StreamPump::new(&service, "operations");
    let task = start_refresh(&service).await;
    service.github.desk().fail(LIST, std::iter::repeat_n(unavailable(), 100));
    let mut turns = 0;
    for _ in 0..30 {
        turns += pump.run(&service).await.len();
        service.clock.advance_ms(60_000);
        run_timer(&service).await;
    }
    assert_eq!(turns, 5);
    let ended = read_task(&service, &task).await;
    assert_eq!(
        (&ended["state"], &ended["error"]),
        (&json!("failed"), &json!("GitHub was unavailable; given up after 5 attempts"))
    );
    assert_ne!(start_refresh(&service).await, task, "another may try");
}

#[tokio::test]
async fn refused_or_unconfigured_provider_is_not_retried() {
    for (fault, error) in
        [(Some(404), "GitHub does not let this service see the installation"), (None, "GitHub is not configured")]
    {
        let mut service = TestService::new().await;
        let mut pump = StreamPump::new(&service, "operations");
        let task = start_refresh(&service).await;
        match fault {
            Some(status) => service.github.desk().fail(LIST, [Fault::Answer(status, vec![])]),
            None => service.app.providers = terrapi::vcs::Providers::default(),
        }
        assert_eq!(pump.run(&service).await.len(), 1);
        let ended = read_task(&service, &task).await;
        assert_eq!((&ended["state"], &ended["error"]), (&json!("failed"), &json!(error)));
    }
}

#[tokio::test]
async fn task_is_aborted_after_a_day() {
    let service = TestService::new().await;
    let mut pump = StreamPump::new(&service, "operations");
    let task = start_refresh(&service).await;
    for _ in 0..30 {
        service.github.desk().fail(LIST, [rate_limited_for(1_000_000_000)]);
        pump.run(&service).await;
        service.clock.advance_ms(3_600_000);
        run_timer(&service).await;
    }
    let ended = read_task(&service, &task).await;
    assert_eq!((&ended["state"], &ended["error"]), (&json!("failed"), &json!("it took longer than a day")));
}

/// Refreshes the GitLab group 555 with one project that only `members` may see. Returns the task.
async fn refreshed_group(service: &TestService, pump: &mut StreamPump, members: &[u64]) -> Value {
    let known = service.app.store.find_installation(INSTALLATION).await.unwrap().unwrap();
    service.app.store.find_or_create_installation(&Installation { namespace: GROUP, ..known }).await.unwrap();
    service.app.store.put_membership(service.user, GROUP, service.clock.now()).await.unwrap();
    service.gitlab.lab(|lab| {
        let group = lab.group(555);
        group.members = members.iter().map(|member| (*member, 30)).collect();
        group.projects.clear();
        group.add(5, "infra");
    });
    let path = "/api/v1/gitlab/installations/555/repos/refresh";
    let begun = service.call(Method::POST, path, &service.token(&[limited_to("555")]), None).await.ok();
    pump.run(service).await;
    service.get(&format!("/api/v1/tasks/{}", begun["id"].as_str().unwrap()), &service.token(&[])).await.ok()
}

#[tokio::test]
async fn gitlab_group_is_refreshed() {
    let service = TestService::new().await;
    let task = refreshed_group(&service, &mut StreamPump::new(&service, "operations"), &[BOT]).await;
    assert_eq!(task["state"], "completed", "{task}");
    let infra = service.app.store.find_repository(GROUP, 5).await.unwrap().unwrap().repository;
    assert_eq!((infra.name.as_str(), &*infra.owner, infra.setup), ("infra", "platform", false));
}

#[tokio::test]
async fn group_token_is_preferred_to_the_service_token() {
    let (service, group_member) = (TestService::new().await, 77);
    let mut pump = StreamPump::new(&service, "operations");
    let task = refreshed_group(&service, &mut pump, &[group_member]).await;
    assert_eq!(task["progress"]["done"], 0, "the service's own account is no member: {task}");

    service.gitlab.lab(|lab| lab.tokens.insert("glpat-group".into(), group_member));
    let which = InstallationSecret::AccessToken;
    let sealed = service.app.seal_secret(&SecretText::new("glpat-group".into()), &which.binding(GROUP)).unwrap();
    let by = (service.user, service.app.clock.now());
    service.app.store.put_installation_secret(GROUP, which, &sealed, by).await.unwrap();
    let task = refreshed_group(&service, &mut pump, &[group_member]).await;
    assert_eq!((&task["state"], &task["progress"]["done"]), (&json!("completed"), &json!(1)), "{task}");
}
