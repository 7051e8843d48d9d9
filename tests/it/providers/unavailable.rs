//! A provider that is slow, busy, unavailable or returns malformed answers.

use std::time::Duration;

use terrapi::domain::{Code, Error, Vcs};
use terrapi::vcs::{AnswerLimits, Failure, Result};

use crate::support::TestService;
use crate::support::providers::{PATIENT, providers};
use crate::support::stand_in::Fault::{self, Answer, Body, Silence};

/// An instant as HTTP writes it, and as epoch seconds.
const DATE: &str = "Tue, 22 Sep 2026 10:13:20 GMT";
const DATE_SECONDS: i64 = 1_790_072_000;

/// Asks for octocat's profile while `GET /user` fails in these ways.
async fn asked_under(service: &TestService, faults: Vec<Fault>) -> Result<u64> {
    service.github.desk().fail("GET /user", faults);
    let tokens = service.github.tokens(583_231);
    let profile = service.app.providers.get(Vcs::Github).unwrap().profile(&tokens.access).await;
    profile.map(|profile| profile.id)
}

fn busy(headers: &[(&'static str, &str)]) -> Fault {
    Answer(403, headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect())
}

fn used_up_until(reset: i64) -> Fault {
    busy(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &reset.to_string()), ("date", DATE)])
}

#[tokio::test]
async fn read_is_retried_while_the_provider_is_unavailable() {
    let service = TestService::new().await;
    let away = |status| Answer(status, vec![]);
    assert_eq!(asked_under(&service, vec![away(502), away(504)]).await.unwrap(), 583_231);
    assert_eq!(service.pauses.take(), [Duration::from_millis(200), Duration::from_millis(400)]);
    assert!(matches!(asked_under(&service, vec![away(503), away(502), away(502)]).await, Err(Failure::Unavailable(_))));
    assert_eq!(service.github.desk().take_seen().len(), 6);
}

#[tokio::test]
async fn rate_limited_read_is_retried_after_the_wait() {
    let service = TestService::new().await;
    let faults = vec![busy(&[("retry-after", "3")]), used_up_until(DATE_SECONDS + 2)];
    assert_eq!(asked_under(&service, faults).await.unwrap(), 583_231);
    assert_eq!(service.pauses.take(), [Duration::from_secs(3), Duration::from_secs(2)]);
}

#[tokio::test]
async fn long_rate_limit_is_not_waited_for() {
    let service = TestService::new().await;
    let lasting = [
        (busy(&[("retry-after", "60")]), Some(60)),
        (used_up_until(DATE_SECONDS + 1800), Some(1800)),
        (Answer(429, vec![]), None),
    ];
    for (fault, seconds) in lasting {
        match (asked_under(&service, vec![fault]).await, seconds) {
            (Err(Failure::Busy(wait)), Some(seconds)) => assert_eq!(wait, Duration::from_secs(seconds)),
            (Err(Failure::Unavailable(_)), None) => {}
            (answer, _) => panic!("{answer:?}"),
        }
    }
    assert!(service.pauses.take().is_empty());
}

#[tokio::test]
async fn refusal_is_not_treated_as_a_rate_limit() {
    let service = TestService::new().await;
    let plain = busy(&[("x-ratelimit-remaining", "4999")]);
    assert!(matches!(asked_under(&service, vec![plain]).await, Err(Failure::Forbidden)));
    assert!(matches!(asked_under(&service, vec![Answer(401, vec![])]).await, Err(Failure::Rejected)));
    assert_eq!(service.github.desk().take_seen().len(), 2);
}

#[tokio::test]
async fn silent_provider_times_out() {
    let service = TestService::new().await;
    let limits = AnswerLimits { attempt: Duration::from_millis(200), ..PATIENT };
    let providers = providers(&service.github, &service.gitlab, limits, &service.pauses);
    service.github.desk().fail("GET /user", [Silence]);
    let tokens = service.github.tokens(583_231);
    let answer = providers.get(Vcs::Github).unwrap().profile(&tokens.access).await;
    assert!(matches!(answer, Err(Failure::Unavailable(_))), "{answer:?}");
}

#[tokio::test]
async fn malformed_answer_is_unavailable_and_not_logged() {
    let service = TestService::new().await;
    for body in ["<html>ghu_leak</html>", "{}", r#"{"id": "ghu_leak", "login": 1}"#] {
        let failure = asked_under(&service, vec![Body(body)]).await.unwrap_err();
        assert!(!format!("{failure:?}").contains("leak"), "{failure:?}");
        assert!(matches!(failure, Failure::Unavailable(_)));
    }
    service.gitlab.desk().fail("GET /api/v4/user", [Body(r#"{"id": "gl_leak"}"#)]);
    let tokens = service.gitlab.tokens(77);
    let failure = service.app.providers.get(Vcs::Gitlab).unwrap().profile(&tokens.access).await.unwrap_err();
    assert!(!format!("{failure:?}").contains("leak"), "{failure:?}");
}

#[test]
fn provider_failures_map_to_distinct_errors() {
    let told = |failure: Failure| match Error::from(failure) {
        Error::Forbidden { code, .. } | Error::Unavailable { code, .. } => Some(code),
        Error::NotFound => Some(Code::NotFound),
        _ => None,
    };
    assert_eq!(told(Failure::Rejected), Some(Code::ProviderRejected));
    assert_eq!(told(Failure::Forbidden), Some(Code::ProviderForbidden));
    assert_eq!(told(Failure::NotFound), Some(Code::NotFound));
    assert_eq!(told(Failure::Unavailable("away".into())), Some(Code::Unavailable));
}
