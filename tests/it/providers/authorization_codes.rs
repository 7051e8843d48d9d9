//! The authorization code with PKCE, at both providers.

use terrapi::domain::{SecretText, UserTokens, Vcs};
use terrapi::vcs::{Failure, Provider, SignIn};

use crate::support::TestService;
use crate::support::stand_in::{Fault, pairs};

const REDIRECT_URI: &str = "https://api.example.test/callback";
const PEOPLE: [(Vcs, u64, &str); 2] = [(Vcs::Github, 583_231, "octocat"), (Vcs::Gitlab, 77, "tanuki")];

fn verifier(letter: char) -> SecretText {
    SecretText::new(letter.to_string().repeat(43))
}

/// Sends a browser to the provider and back. Returns the authorization code.
fn code(service: &TestService, vcs: Vcs, person: u64, verifier: &SecretText) -> String {
    let sign_in = SignIn { verifier, redirect_uri: REDIRECT_URI };
    let url = provider(service, vcs).oauth().authorize_url(sign_in, "a state/+&").unwrap();
    let location = match vcs {
        Vcs::Github => service.github.agree(&url, person),
        Vcs::Gitlab => service.gitlab.agree(&url, person),
    };
    let location = location.unwrap();
    let query = pairs(location.strip_prefix(&format!("{REDIRECT_URI}?")).unwrap());
    assert_eq!(query[1], ("state".to_owned(), "a state/+&".to_owned()));
    query[0].1.clone()
}

fn provider(service: &TestService, vcs: Vcs) -> &dyn Provider {
    service.app.providers.get(vcs).unwrap()
}

async fn signed_in(service: &TestService, vcs: Vcs, person: u64) -> UserTokens {
    let verifier = verifier('v');
    let code = code(service, vcs, person, &verifier);
    let sign_in = SignIn { verifier: &verifier, redirect_uri: REDIRECT_URI };
    provider(service, vcs).oauth().exchange(&code, sign_in, service.app.clock.now()).await.unwrap()
}

#[tokio::test]
async fn code_is_exchanged_for_tokens_that_identify_the_user() {
    let service = TestService::new().await;
    for (vcs, person, login) in PEOPLE {
        let tokens = signed_in(&service, vcs, person).await;
        let profile = provider(&service, vcs).profile(&tokens.access).await.unwrap();
        assert_eq!((profile.id, profile.login.as_str(), profile.email), (person, login, None));
    }
}

#[tokio::test]
async fn tokens_carry_their_expiry() {
    let service = TestService::new().await;
    let now = service.app.clock.now().seconds();
    let github = signed_in(&service, Vcs::Github, 583_231).await;
    assert_eq!((github.expires_at, github.refresh_expires_at), (Some(now.plus(28_800)), Some(now.plus(15_897_600))));
    let gitlab = signed_in(&service, Vcs::Gitlab, 77).await;
    assert_eq!((gitlab.expires_at, gitlab.refresh_expires_at), (Some(now.plus(7_200)), None));
}

#[tokio::test]
async fn code_works_once() {
    let service = TestService::new().await;
    for (vcs, person, _) in PEOPLE {
        let verifier = verifier('v');
        let code = code(&service, vcs, person, &verifier);
        let sign_in = SignIn { verifier: &verifier, redirect_uri: REDIRECT_URI };
        let now = service.app.clock.now();
        provider(&service, vcs).oauth().exchange(&code, sign_in, now).await.unwrap();
        let again = provider(&service, vcs).oauth().exchange(&code, sign_in, now).await;
        assert!(matches!(again, Err(Failure::Rejected)), "{again:?}");
    }
}

#[tokio::test]
async fn code_with_a_wrong_verifier_or_redirect_is_refused() {
    let service = TestService::new().await;
    for (vcs, person, _) in PEOPLE {
        for (letter, redirect_uri) in [('w', REDIRECT_URI), ('v', "https://elsewhere.example.test/callback")] {
            let code = code(&service, vcs, person, &verifier('v'));
            let sign_in = SignIn { verifier: &verifier(letter), redirect_uri };
            let stolen = provider(&service, vcs).oauth().exchange(&code, sign_in, service.app.clock.now()).await;
            assert!(matches!(stolen, Err(Failure::Rejected)), "{stolen:?}");
        }
    }
}

#[tokio::test]
async fn renewal_consumes_the_old_refresh_token() {
    let service = TestService::new().await;
    for (vcs, person, _) in PEOPLE {
        let provider = provider(&service, vcs);
        let old = signed_in(&service, vcs, person).await;
        service.clock.advance_ms(9 * 3_600_000);
        assert!(matches!(provider.profile(&old.access).await, Err(Failure::Rejected)), "it is over");
        let refresh = old.refresh.unwrap();
        let new = provider.oauth().refresh(&refresh, service.app.clock.now()).await.unwrap();
        assert_eq!(provider.profile(&new.access).await.unwrap().id, person);
        let again = provider.oauth().refresh(&refresh, service.app.clock.now()).await;
        assert!(matches!(again, Err(Failure::Rejected)), "{again:?}");
    }
}

#[tokio::test]
async fn unavailable_token_endpoint_is_asked_once() {
    let service = TestService::new().await;
    service.github.desk().fail("POST /login/oauth/access_token", [Fault::Answer(502, vec![])]);
    service.gitlab.desk().fail("POST /oauth/token", [Fault::Answer(502, vec![])]);
    for (vcs, person, _) in PEOPLE {
        let verifier = verifier('v');
        let code = code(&service, vcs, person, &verifier);
        let sign_in = SignIn { verifier: &verifier, redirect_uri: REDIRECT_URI };
        let lost = provider(&service, vcs).oauth().exchange(&code, sign_in, service.app.clock.now()).await;
        assert!(matches!(lost, Err(Failure::Unavailable(_))), "{lost:?}");
    }
    assert_eq!(service.github.desk().take_seen(), ["POST /login/oauth/access_token"]);
    assert_eq!(service.gitlab.desk().take_seen(), ["POST /oauth/token"]);
}

#[tokio::test]
async fn revoked_authorization_is_refused() {
    let service = TestService::new().await;
    let (octocat, tanuki) = (service.github.tokens(583_231), service.gitlab.tokens(77));
    service.github.hub(|hub| hub.oauth.revoke(583_231));
    service.gitlab.lab(|lab| lab.oauth.revoke(77));
    for (vcs, tokens) in [(Vcs::Github, octocat), (Vcs::Gitlab, tanuki)] {
        let provider = provider(&service, vcs);
        assert!(matches!(provider.profile(&tokens.access).await, Err(Failure::Rejected)));
        assert!(matches!(provider.installations_of_user(&tokens.access).await, Err(Failure::Rejected)));
        let refreshed = provider.oauth().refresh(&tokens.refresh.unwrap(), service.app.clock.now()).await;
        assert!(matches!(refreshed, Err(Failure::Rejected)), "{refreshed:?}");
    }
}
