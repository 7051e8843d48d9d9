//! Provider tokens of users: renewed once, however many requests ask concurrently.

use futures::future::join_all;
use terrapi::auth::SealingKeys;
use terrapi::domain::{Code, Error, Result, SecretText, UserId, Vcs};
use terrapi::runtime::{App, Random};

use crate::support::TestService;
use crate::support::browser::Browser;
use crate::support::providers::SEALING_KEY;
use crate::support::stand_in::Fault;

const OCTOCAT: u64 = 583_231;
const TOKEN_CALL: &str = "POST /login/oauth/access_token";
const EIGHT_HOURS_MS: i64 = 8 * 3_600_000;

async fn signed_in(service: &TestService) -> UserId {
    let user = Browser::new(service).user(Vcs::Github, OCTOCAT).await;
    service.github.desk().take_seen();
    UserId::parse(&user).unwrap()
}

fn works(service: &TestService, token: &SecretText) -> bool {
    service.github.hub(|hub| hub.oauth.person(token.reveal())) == Some(OCTOCAT)
}

fn code(outcome: Result<SecretText>) -> Code {
    match outcome.unwrap_err() {
        Error::Forbidden { code, .. } | Error::Unavailable { code, .. } => code,
        Error::NotFound => Code::NotFound,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn valid_provider_token_is_returned_unchanged() {
    let service = TestService::new().await;
    let user = signed_in(&service).await;
    let token = service.app.vcs_token(user, Vcs::Github).await.unwrap();
    assert!(works(&service, &token));
    service.clock.advance_ms(EIGHT_HOURS_MS - 61_000);
    assert_eq!(service.app.vcs_token(user, Vcs::Github).await.unwrap(), token);
    assert!(service.github.desk().take_seen().is_empty());
    assert_eq!(code(service.app.vcs_token(user, Vcs::Gitlab).await), Code::NotFound);
    let stranger = UserId::new(Random::default().id().unwrap());
    assert_eq!(code(service.app.vcs_token(stranger, Vcs::Github).await), Code::NotFound);
}

#[tokio::test]
async fn eight_concurrent_requests_share_one_renewal() {
    let service = TestService::new().await;
    let user = signed_in(&service).await;
    let before = service.app.vcs_token(user, Vcs::Github).await.unwrap();
    service.clock.advance_ms(EIGHT_HOURS_MS);
    // All of them have read the old tokens before the first acquires the renewal lease.
    let gate = service.faulty.on("UpdateItem").hold_before_store();
    let asking = join_all((0..8).map(|_| service.app.vcs_token(user, Vcs::Github)));
    let release = async {
        gate.arrived(8).await;
        gate.release();
        service.faulty.heal();
    };
    let (tokens, ()) = tokio::join!(asking, release);
    let tokens: Vec<_> = tokens.into_iter().map(Result::unwrap).collect();
    assert!(tokens.iter().all(|token| *token == tokens[0] && *token != before));
    assert!(works(&service, &tokens[0]));
    assert_eq!(service.github.desk().take_seen(), [TOKEN_CALL]);
    // The next renewal uses the refresh token of this one.
    service.clock.advance_ms(EIGHT_HOURS_MS);
    assert!(works(&service, &service.app.vcs_token(user, Vcs::Github).await.unwrap()));
}

#[tokio::test]
async fn rejected_refresh_token_requires_a_new_sign_in() {
    let service = TestService::new().await;
    let user = signed_in(&service).await;
    service.clock.advance_ms(EIGHT_HOURS_MS);
    service.github.hub(|hub| hub.oauth.revoke(OCTOCAT));
    for _ in 0..3 {
        assert_eq!(code(service.app.vcs_token(user, Vcs::Github).await), Code::ProviderRejected);
    }
    assert_eq!(service.github.desk().take_seen(), [TOKEN_CALL]);
    assert_eq!(signed_in(&service).await, user);
    assert!(works(&service, &service.app.vcs_token(user, Vcs::Github).await.unwrap()));
    // The refresh token expires, too.
    service.clock.advance_ms(15_897_600_000);
    assert_eq!(code(service.app.vcs_token(user, Vcs::Github).await), Code::ProviderRejected);
    assert!(service.github.desk().take_seen().is_empty());
}

#[tokio::test]
async fn unavailable_provider_does_not_lose_the_token() {
    let service = TestService::new().await;
    let user = signed_in(&service).await;
    service.clock.advance_ms(EIGHT_HOURS_MS);
    service.github.desk().fail(TOKEN_CALL, [Fault::Answer(502, vec![])]);
    assert_eq!(code(service.app.vcs_token(user, Vcs::Github).await), Code::Unavailable);
    assert!(works(&service, &service.app.vcs_token(user, Vcs::Github).await.unwrap()));
}

#[tokio::test]
async fn lost_storage_answers_waste_no_renewal() {
    let service = TestService::new().await;
    let user = signed_in(&service).await;
    for nth in 1..=2 {
        service.clock.advance_ms(EIGHT_HOURS_MS);
        let hits = service.faulty.on("UpdateItem").nth(nth).cut_after_store();
        assert!(works(&service, &service.app.vcs_token(user, Vcs::Github).await.unwrap()));
        assert_eq!(hits.count(), 1);
        service.faulty.heal();
        assert_eq!(service.github.desk().take_seen(), [TOKEN_CALL]);
        assert!(works(&service, &service.app.vcs_token(user, Vcs::Github).await.unwrap()));
        assert!(service.github.desk().take_seen().is_empty(), "it was kept");
    }
}

#[tokio::test]
async fn renewal_of_a_dead_process_is_taken_over_after_its_lease() {
    let service = TestService::new().await;
    let user = signed_in(&service).await;
    service.clock.advance_ms(EIGHT_HOURS_MS);
    // The process dies after it acquired the lease.
    let dead = service.faulty.on("UpdateItem").nth(1).die_after_store();
    assert_eq!(code(service.app.vcs_token(user, Vcs::Github).await), Code::Unavailable);
    assert_eq!(dead.count(), 1);
    service.faulty.heal();
    service.clock.advance_ms(15_000);
    assert!(works(&service, &service.app.vcs_token(user, Vcs::Github).await.unwrap()));
}

#[tokio::test]
async fn sign_in_during_a_renewal_wins() {
    let service = TestService::new().await;
    let user = signed_in(&service).await;
    service.clock.advance_ms(EIGHT_HOURS_MS);
    let gate = service.faulty.on("UpdateItem").nth(2).hold_before_store();
    let meanwhile = async {
        gate.arrived(1).await;
        assert_eq!(signed_in(&service).await, user);
        gate.release();
    };
    let (renewed, ()) = tokio::join!(service.app.vcs_token(user, Vcs::Github), meanwhile);
    let kept = service.app.vcs_token(user, Vcs::Github).await.unwrap();
    assert!(works(&service, &renewed.unwrap()) && works(&service, &kept));
    assert!(service.github.desk().take_seen().is_empty());
}

#[tokio::test]
async fn sealing_key_can_be_rotated_and_its_loss_needs_a_sign_in() {
    let service = TestService::new().await;
    let user = signed_in(&service).await;
    let (old, new) = (SecretText::new(SEALING_KEY.into()), SecretText::new("next-".repeat(9)));
    let with = |retired: Option<&SecretText>| {
        let mut app: App = service.app.clone();
        app.providers = app.providers.with_sealing(SealingKeys::new(&new, retired).unwrap());
        app
    };
    assert_eq!(code(with(None).vcs_token(user, Vcs::Github).await), Code::ProviderRejected);
    service.clock.advance_ms(EIGHT_HOURS_MS);
    assert!(works(&service, &with(Some(&old)).vcs_token(user, Vcs::Github).await.unwrap()), "renewed, sealed anew");
    assert!(works(&service, &with(None).vcs_token(user, Vcs::Github).await.unwrap()));
}
