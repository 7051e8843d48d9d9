//! The commands in the guide work in the order in which it lists them.

use http::Method;
use serde_json::Value;
use terrapi::domain::Capability::{AccessTokenCreate, InstallationId, KvStoreRead, KvStoreWrite};
use terrapi::domain::UserId;
use terrapi::runtime::Random;

use crate::support::organizations::{ACME, PLATFORM};
use crate::support::service::KV;
use crate::support::{MemberOf, TestService};

const GUIDE: &str = include_str!("../../../docs/api.md");

/// The `curl` commands, each on one line.
fn commands() -> Vec<String> {
    let text = GUIDE.replace("\\\n", "");
    text.lines().filter(|line| line.starts_with("    ") && line.contains("curl ")).map(str::to_owned).collect()
}

/// The text between the first `start` and the next `end`.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once(end).map(|(found, _)| found)
}

#[tokio::test]
async fn every_command_of_the_guide_succeeds() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let ann = UserId::new(Random::default().id().unwrap());
    service.signed_in(ann, "ann", 7).await;
    service.join(ann, MemberOf(12345)).await;
    let capabilities = [AccessTokenCreate, KvStoreRead, KvStoreWrite, InstallationId("12345".into())];
    let (key, token) = (service.api_key(&capabilities).await, service.token(&capabilities));
    let session = service.session_of(service.user).await;
    let commands = commands();
    assert!(commands.len() >= 10, "{commands:?}");
    let (mut task, mut created) = (String::new(), String::new());
    for command in commands {
        let method = between(&command, "-X ", " ").unwrap_or("GET").parse::<Method>().unwrap();
        let path = between(&command, "\"$", "\"").unwrap();
        let path = path.strip_prefix("BASE").map_or_else(|| path.replacen("KV", KV, 1), str::to_owned);
        let path = path.replace("$TASK", &task).replace("$ORG", ACME).replace("$TEAM", PLATFORM);
        let path = path.replace("$ID", &created);
        let body = between(&command, "--json '", "'").map(|json| serde_json::from_str::<Value>(json).unwrap());
        let credentials =
            [("_KEY\"", &key), ("$ORGANIZATION_TOKEN", &acme.organization_token), ("$TEAM_TOKEN", &acme.team_token)];
        let named = credentials.iter().find(|(name, _)| command.contains(name));
        let credential = named.map_or(&token, |(_, credential)| credential);
        let reply = if command.contains("cookie: $SESSION") {
            service.browse(method, &path, &session, body).await
        } else {
            service.call(method, &path, credential, body).await
        };
        assert!(matches!(reply.status.as_u16(), 200 | 201 | 204), "{command}: {reply:?}");
        if command.starts_with("    TASK=") {
            reply.json()["id"].as_str().unwrap().clone_into(&mut task);
        }
        if command.contains("-X POST \"$BASE/api/v1/github/access-token\"") {
            reply.json()["id"].as_str().unwrap().clone_into(&mut created);
        }
    }
}
