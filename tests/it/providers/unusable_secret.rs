//! The programs that read the providers' secret, as processes: whatever is wrong with the secret, they start and do what does
//! not need a provider.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use terrapi::auth::Claims;
use terrapi::domain::Capability;
use terrapi::runtime::{Clock, SystemClock};
use terrapi_watch::emulator;
use tokio::sync::OnceCell;

use super::misconfigured::secret;
use crate::events::sandbox::{Report, RuntimeApi};
use crate::events::template::Golden;
use crate::support::TestService;
use crate::support::service::KV;

/// How long a process may take to start and answer, on a machine that compiles meanwhile.
const ANSWERING: Duration = Duration::from_secs(60);

/// The folder with the functions' programs, compiled once for all tests.
async fn programs() -> PathBuf {
    static BUILT: OnceCell<()> = OnceCell::const_new();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    BUILT.get_or_init(|| async { emulator::build(workspace).await.unwrap() }).await;
    // Cargo puts tests one folder below the programs.
    std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned()
}

/// Secrets that cannot be used, with what is wrong with each.
fn unusable(service: &TestService) -> [(&'static str, String); 3] {
    let with_pem = |pem: Value| {
        let mut members = secret(service);
        members.insert("GITHUB_APP_PEM".into(), pem);
        json!(members).to_string()
    };
    let pem = service.github.variables()["GITHUB_APP_PEM"].reveal().replace('\n', "");
    [
        ("a client id without a private key", with_pem(Value::Null)),
        ("a private key without its line breaks", with_pem(pem.into())),
        ("no JSON", "GITHUB_APP_ID=1".into()),
    ]
}

/// What a function's process answers to one event.
async fn answer(service: &TestService, function: &str, secret: &str, event: Value) -> Report {
    let file = service.blobs.path().join(format!("{function}.json"));
    std::fs::write(&file, secret).unwrap();
    let mut api = RuntimeApi::start(vec![event.to_string()]).await;
    let tables = &service.backend.tables;
    let mut child = api.process(&programs().await.join(function));
    let mut process = child
        .env_clear()
        .envs(api.environment())
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ENDPOINT_URL_DYNAMODB", &service.backend.endpoint)
        .env("TERRAPI_IDENTITY_TABLE", &tables.identity)
        .env("TERRAPI_KV_TABLE", &tables.kv)
        .env("TERRAPI_OPERATIONS_TABLE", &tables.operations)
        .env("TERRAPI_BLOBS", format!("file://{}", service.blobs.path().display()))
        .env("TERRAPI_SECRET_ARN", format!("file://{}", file.display()))
        .spawn()
        .unwrap();
    tokio::select! {
        reports = tokio::time::timeout(ANSWERING, api.reports(1)) => reports.unwrap().remove(0),
        ended = process.wait() => panic!("{function} ended with {}", ended.unwrap()),
    }
}

fn request(method: &Method, path: &str, token: &str) -> Value {
    let mut event = Golden::HttpApi.event(path, "");
    event["requestContext"]["http"]["method"] = method.as_str().into();
    event["headers"].as_object_mut().unwrap().remove("authorization");
    if !token.is_empty() {
        event["headers"]["authorization"] = format!("Bearer {token}").into();
    }
    event["body"] = Value::Null;
    event
}

#[tokio::test]
async fn identity_is_healthy_with_an_unusable_secret() {
    let service = TestService::new().await;
    for (problem, secret) in unusable(&service) {
        let (kind, answer) = answer(&service, "identity", &secret, request(&Method::GET, "/health", "")).await;
        assert_eq!((kind.as_str(), answer["statusCode"].as_u64()), ("response", Some(200)), "{problem}: {answer}");
    }
}

#[tokio::test]
async fn installations_begins_a_refresh_with_an_unusable_secret() {
    let service = TestService::new().await;
    // An access token lives for a minute, and compiling takes longer.
    programs().await;
    for (problem, secret) in unusable(&service) {
        let capabilities = [Capability::InstallationId("12345".into())].into_iter().collect();
        let (id, now) = (service.app.random.id().unwrap(), SystemClock.now().seconds());
        let claims = Claims::new("terrapi", now, id, service.user, service.key, capabilities);
        let token = service.signer.sign(&claims).unwrap();
        let refresh = request(&Method::POST, "/api/v1/github/installations/12345/repos/refresh", &token);
        let (kind, answer) = answer(&service, "installations", &secret, refresh).await;
        assert_eq!((kind.as_str(), answer["statusCode"].as_u64()), ("response", Some(200)), "{problem}: {answer}");
    }
}

#[tokio::test]
async fn worker_folds_with_an_unusable_secret() {
    let service = TestService::new().await;
    let token = service.kv_token();
    for (problem, secret) in unusable(&service) {
        service.stage(&token, "k", &[json!(problem)]).await;
        service.post(&format!("{KV}/commit"), &token, json!({"keys": [{"key": "k"}]})).await.ok();
        let head = json!({"entity": {"S": "commit-head"}, "commits": {"M": {"commit": {"N": "1"}}}});
        let keys = json!({"pk": {"S": "github#12345#head"}, "sk": {"B": "AA=="}});
        let record =
            json!({"eventName": "MODIFY", "dynamodb": {"Keys": keys, "NewImage": head, "SequenceNumber": "1"}});
        let (kind, answer) = answer(&service, "worker", &secret, json!({"Records": [record]})).await;
        assert_eq!((kind.as_str(), &answer), ("response", &json!({"batchItemFailures": []})), "{problem}");
        assert_eq!(service.fold().await, 0, "the process has folded: {problem}");
        assert_eq!(service.get(&format!("{KV}/key/k"), &token).await.ok()["data"], problem);
    }
}
