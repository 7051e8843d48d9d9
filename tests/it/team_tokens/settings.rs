//! The settings of organizations and teams, as clients of HCP Terraform send and read them.

use http::Method;
use serde_json::{Value, json};

use super::{body, data, problem};
use crate::support::TestService;
use crate::support::organizations::PLATFORM;

#[tokio::test]
async fn organization_document_has_what_the_provider_reads() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let path = "/api/v2/organizations/acme";
    let shown = data(&service.get(path, &acme.organization_token).await, 200)["attributes"].clone();
    for (name, default) in [
        ("assessments-enforced", json!(false)),
        ("cost-estimation-enabled", json!(false)),
        ("send-passing-statuses-for-untriggered-speculative-plans", json!(false)),
        ("aggregated-commit-status-enabled", json!(true)),
        ("speculative-plan-management-enabled", json!(true)),
        ("allow-force-delete-workspaces", json!(false)),
        ("stacks-enabled", json!(false)),
        ("registry-monorepo-support-enabled", json!(false)),
        ("default-execution-mode", json!("remote")),
        ("collaborator-auth-policy", json!("password")),
        ("session-timeout", Value::Null),
        ("session-remember", Value::Null),
        ("owners-team-saml-role-id", Value::Null),
        ("two-factor-conformant", json!(false)),
        ("user-tokens-enabled", json!(true)),
        ("max-ttl-enabled", json!(false)),
        ("enforce-hyok", json!(false)),
    ] {
        assert_eq!(shown.get(name), Some(&default), "{name}");
        // What is so may be sent back.
        let same = body(&json!({name: default}));
        let again = data(&service.call(Method::PATCH, path, &acme.organization_token, Some(same)).await, 200);
        assert_eq!(again["attributes"], shown, "{name}");
    }
}

#[tokio::test]
async fn settings_are_stored_or_refused_but_never_dropped() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let organization = "/api/v2/organizations/acme".to_owned();
    let team = format!("/api/v2/teams/{PLATFORM}");
    let patch = async |path: &str, attributes: &Value| {
        service.call(Method::PATCH, path, &acme.organization_token, Some(body(attributes))).await
    };
    let flags = [
        "assessments-enforced",
        "cost-estimation-enabled",
        "send-passing-statuses-for-untriggered-speculative-plans",
        "allow-force-delete-workspaces",
        "stacks-enabled",
        "registry-monorepo-support-enabled",
    ];
    for flag in flags {
        let kept = data(&patch(&organization, &json!({flag: true})).await, 200);
        assert_eq!(kept["attributes"][flag], true, "{flag}");
    }
    for flag in ["aggregated-commit-status-enabled", "speculative-plan-management-enabled"] {
        let kept = data(&patch(&organization, &json!({flag: false})).await, 200);
        assert_eq!(kept["attributes"][flag], false, "{flag}");
    }
    let kept = data(&patch(&organization, &json!({"default-execution-mode": "local"})).await, 200);
    assert_eq!(kept["attributes"]["default-execution-mode"], "local");
    assert_eq!(kept["attributes"]["stacks-enabled"], true, "what was not sent stays");
    for (name, value) in [
        ("session-timeout", json!(30)),
        ("session-remember", json!(30)),
        ("collaborator-auth-policy", json!("two_factor_mandatory")),
        ("owners-team-saml-role-id", json!("admins")),
        ("default-agent-pool-id", json!("apool-1")),
        ("default-execution-mode", json!("agent")),
        ("user-tokens-enabled", json!(false)),
        ("max-ttl-enabled", json!(true)),
        ("enforce-hyok", json!(true)),
        ("stacks-enabled", json!("yes")),
        // Some clients write names so.
        ("session_timeout", json!(30)),
    ] {
        let refused = patch(&organization, &json!({name: value, "email": "new@b.test"})).await;
        let pointer = format!("/data/attributes/{}", name.replace('_', "-"));
        assert_eq!(problem(&refused, 422).1, Some(pointer), "{name}");
    }
    let shown = data(&service.get(&organization, &acme.organization_token).await, 200);
    assert_eq!(shown["attributes"]["email"], "ops@acme.test", "a refused change changes nothing");
    for flag in ["manage-policies", "manage-vcs-settings", "read-projects", "manage-agent-pools"] {
        let kept = data(&patch(&team, &json!({"organization-access": {flag: true}})).await, 200);
        assert_eq!(kept["attributes"]["organization-access"][flag], true, "{flag}");
        assert_eq!(kept["attributes"]["organization-access"]["manage-policies"], true, "others stay");
    }
    for flag in ["manage-membership", "manage-organization-access", "access-secret-teams"] {
        let refused = patch(&team, &json!({"organization-access": {flag: true}})).await;
        assert_eq!(problem(&refused, 422).1, Some(format!("/data/attributes/organization-access/{flag}")));
    }
    let refused = patch(&team, &json!({"sso-team-id": "engineers"})).await;
    assert_eq!(problem(&refused, 422).1.as_deref(), Some("/data/attributes/sso-team-id"));
    data(&patch(&team, &json!({"sso-team-id": ""})).await, 200);
    let refused = patch(&team, &json!({"organization-access": [true]})).await;
    assert_eq!(problem(&refused, 422).1.as_deref(), Some("/data/attributes/organization-access"));
}
