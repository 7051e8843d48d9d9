//! Creating, reading, changing and deleting organizations and teams.

use http::Method;
use serde_json::{Value, json};
use terrapi::domain::{Capability, UserId, Vcs};
use terrapi::runtime::Random;

use super::{data, problem, status};
use crate::support::organizations::PLATFORM;
use crate::support::{MemberOf, TestService};

const ORGANIZATIONS: &str = "/api/v2/organizations";
const TEAMS: &str = "/api/v2/organizations/acme/teams";

fn body(attributes: &Value) -> Value {
    json!({"data": {"attributes": attributes}})
}

#[tokio::test]
async fn user_creates_owns_and_deletes_an_organization() {
    let service = TestService::new().await;
    let owner = service.token(&[Capability::AccessTokenCreate]);
    let new = body(&json!({"name": "fresh", "email": "a@b.test"}));
    let created = data(&service.post(ORGANIZATIONS, &owner, new.clone()).await, 201);
    assert_eq!((&created["id"], &created["type"]), (&json!("fresh"), &json!("organizations")));
    assert_eq!(created["attributes"]["installation-id"], "12345", "the first of its creator's");
    assert_eq!(created["attributes"]["permissions"]["can-create-team"], true);
    let taken = service.post(ORGANIZATIONS, &owner, new).await;
    assert_eq!(problem(&taken, 422).1.as_deref(), Some("/data/attributes/name"));
    let teams = service.get("/api/v2/organizations/fresh/teams", &owner).await.ok();
    assert_eq!(teams["data"][0]["attributes"]["name"], "owners");
    assert_eq!(teams["data"][0]["attributes"]["users-count"], 1);
    let renamed = body(&json!({"name": "renamed"}));
    let path = "/api/v2/organizations/fresh";
    assert_eq!(data(&service.call(Method::PATCH, path, &owner, Some(renamed)).await, 200)["id"], "renamed");
    problem(&service.get(path, &owner).await, 404);
    let list = service.get(ORGANIZATIONS, &owner).await.ok();
    assert_eq!((list["data"].as_array().unwrap().len(), &list["data"][0]["id"]), (1, &json!("renamed")));
    assert_eq!(service.delete("/api/v2/organizations/renamed", &owner).await.status, 204);
    assert_eq!(service.get(ORGANIZATIONS, &owner).await.ok()["data"], json!([]));
}

#[tokio::test]
async fn organization_needs_a_name_email_and_installation() {
    let service = TestService::new().await;
    let owner = service.token(&[Capability::AccessTokenCreate]);
    for (attributes, place) in [
        (json!({"email": "a@b.test"}), "name"),
        (json!({"name": "", "email": "a@b.test"}), "name"),
        (json!({"name": "a b", "email": "a@b.test"}), "name"),
        (json!({"name": 7, "email": "a@b.test"}), "name"),
        (json!({"name": "new"}), "email"),
        (json!({"name": "new", "email": "nowhere"}), "email"),
        (json!({"name": "new", "email": "a@b.test", "installation-id": "424242"}), "installation-id"),
        (json!({"name": "new", "email": "a@b.test", "vcs": "gitlab"}), "installation-id"),
        (json!({"name": "new", "email": "a@b.test", "vcs": "svn"}), "vcs"),
    ] {
        let reply = service.post(ORGANIZATIONS, &owner, body(&attributes)).await;
        assert_eq!(problem(&reply, 422).1, Some(format!("/data/attributes/{place}")), "{attributes}");
    }
    let there = body(&json!({"name": "new", "email": "a@b.test", "vcs": "github", "installation-id": "67890"}));
    assert_eq!(data(&service.post(ORGANIZATIONS, &owner, there).await, 201)["attributes"]["installation-id"], "67890");
}

#[tokio::test]
async fn owner_who_leaves_the_installation_loses_the_organization() {
    let service = TestService::new().await;
    service.acme().await;
    let owner = service.token(&[Capability::AccessTokenCreate]);
    assert_eq!(service.get("/api/v2/organizations/acme", &owner).await.status, 200);
    let limited = |id: &str| service.token(&[Capability::AccessTokenCreate, Capability::InstallationId(id.into())]);
    assert_eq!(service.get("/api/v2/organizations/acme", &limited("12345")).await.status, 200);
    problem(&service.get("/api/v2/organizations/acme", &limited("67890")).await, 404);
    problem(&service.get("/api/v2/organizations/acme", &service.token(&[Capability::KvStoreRead])).await, 404);
    service.leave(Vcs::Github).await;
    problem(&service.get("/api/v2/organizations/acme", &owner).await, 404);
    assert_eq!(service.get(ORGANIZATIONS, &owner).await.ok()["data"], json!([]));
}

#[tokio::test]
async fn organization_is_404_for_a_non_member() {
    let service = TestService::new().await;
    service.acme().await;
    let stranger = UserId::new(Random::default().id().unwrap());
    service.join(stranger, MemberOf(12345)).await;
    let token = service.token_of(stranger, &[Capability::AccessTokenCreate]);
    for path in ["", "/teams", "/team-tokens", "/authentication-token"] {
        problem(&service.get(&format!("/api/v2/organizations/acme{path}"), &token).await, 404);
    }
    assert_eq!(service.get(ORGANIZATIONS, &token).await.ok()["data"], json!([]));
}

#[tokio::test]
async fn team_is_created_found_changed_and_deleted() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let token = &acme.organization_token;
    let created = data(&service.post(TEAMS, token, body(&json!({"name": "two words"}))).await, 200);
    let attributes = &created["attributes"];
    assert_eq!((&attributes["visibility"], &attributes["is-unified"]), (&json!("secret"), &json!(false)));
    assert_eq!(attributes["allow-member-token-management"], true);
    let access = attributes["organization-access"].as_object().unwrap();
    assert_eq!((access.len(), access.values().all(|flag| flag == false)), (16, true), "{access:?}");
    assert_eq!(created["relationships"]["organization"]["data"], json!({"id": "acme", "type": "organizations"}));
    let path = format!("/api/v2/teams/{}", created["id"].as_str().unwrap());
    assert_eq!(data(&service.get(&path, token).await, 200), created);
    let change = json!({"visibility": "organization", "organization-access": {"manage-teams": true}});
    let changed = data(&service.call(Method::PATCH, &path, token, Some(body(&change))).await, 200);
    assert_eq!(
        (&changed["attributes"]["visibility"], &changed["attributes"]["name"]),
        (&json!("organization"), &json!("two words"))
    );
    assert_eq!(changed["attributes"]["organization-access"]["manage-teams"], true);
    for (query, count) in [
        ("", 3),
        ("?q=WORDS", 1),
        ("?filter[names]=owners,platform", 2),
        ("?filter%5Bnames%5D=two+words", 1),
        ("?filter[names]=owners&filter[names]=two%20words", 2),
        ("?page[number]=999", 3),
    ] {
        let list = service.get(&format!("{TEAMS}{query}"), token).await.ok();
        assert_eq!(list["meta"]["pagination"]["total-count"], count, "{query}");
    }
    assert_eq!(service.delete(&path, token).await.status, 204);
    problem(&service.delete(&path, token).await, 404);
}

#[tokio::test]
async fn names_are_unique_and_the_owners_team_is_fixed() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let token = &acme.organization_token;
    let named = |name: Value| body(&json!({"name": name}));
    for bad in [Value::Null, json!(""), json!("a#b"), json!(7), json!(" ")] {
        let reply = service.post(TEAMS, token, named(bad.clone())).await;
        assert_eq!(problem(&reply, 422).1.as_deref(), Some("/data/attributes/name"), "{bad}");
    }
    let platform = format!("/api/v2/teams/{PLATFORM}");
    for reply in [
        service.post(TEAMS, token, named(json!("platform"))).await,
        service.call(Method::PATCH, &platform, token, Some(named(json!("owners")))).await,
    ] {
        assert_eq!(problem(&reply, 422).1.as_deref(), Some("/data/attributes/name"));
        assert_eq!(reply.json()["errors"][0]["detail"], "Name has already been taken");
    }
    let owners = format!("/api/v2/teams/{}", acme.owners.id);
    problem(&service.delete(&owners, token).await, 422);
    problem(&service.call(Method::PATCH, &owners, token, Some(named(json!("others")))).await, 422);
    data(&service.call(Method::PATCH, &platform, token, Some(named(json!("renamed")))).await, 200);
    data(&service.post(TEAMS, token, named(json!("platform"))).await, 200);
}

#[tokio::test]
async fn only_owners_grant_capabilities_within_the_organization() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let managers = terrapi::domain::organization::Team {
        access: terrapi::domain::organization::OrganizationAccess { manage_teams: true, ..Default::default() },
        ..service.team("team-acme1111managers", &[])
    };
    let manager = service.team_with_token(&managers).await;
    let path = format!("/api/v2/teams/{}", managers.id);
    let give = |capabilities: Value| Some(body(&json!({"capabilities": capabilities})));
    problem(&service.call(Method::PATCH, &path, &manager, give(json!(["kv_store_read"]))).await, 404);
    let more = Some(body(&json!({"organization-access": {"manage-workspaces": true}})));
    problem(&service.call(Method::PATCH, &path, &manager, more).await, 404);
    let owners = format!("/api/v2/teams/{}", acme.owners.id);
    problem(
        &service.call(Method::PATCH, &owners, &manager, Some(body(&json!({"visibility": "organization"})))).await,
        404,
    );
    for bad in [
        json!(["access_token_create"]),
        json!(["kv_store_system_read"]),
        json!([{"name": "installation_id", "id": "67890"}]),
        json!(["nonsense"]),
        json!("kv_store_read"),
    ] {
        let reply = service.call(Method::PATCH, &path, &acme.organization_token, give(bad.clone())).await;
        assert_eq!(problem(&reply, 422).1.as_deref(), Some("/data/attributes/capabilities"), "{bad}");
    }
    let fine = json!(["kv_store_read", {"name": "installation_id", "id": "12345"}, {"name": "vcs", "vcs": "github"}]);
    data(&service.call(Method::PATCH, &path, &acme.organization_token, give(fine)).await, 200);
    let grant =
        service.post("/api/v1/access-token/refresh", &manager, json!({"capabilities": ["kv_store_read"]})).await.ok();
    let token = grant["access_token"].as_str().unwrap();
    assert_eq!(service.get("/api/v1/github/kv/12345/key/a", token).await.failed(404), "NOT_FOUND");
    let written = service.put("/api/v1/github/kv/12345/key/a", token, json!({"data": 1})).await;
    assert_eq!(written.failed(403), "INSUFFICIENT_SCOPE");
    let more =
        service.post("/api/v1/access-token/refresh", &manager, json!({"capabilities": ["kv_store_write"]})).await;
    assert_eq!(more.failed(400), "CAPABILITY_NOT_HELD");
}

#[tokio::test]
async fn organization_token_is_replaced_by_owners_only() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let path = "/api/v2/organizations/acme/authentication-token";
    let exchange = service.post("/api/v1/access-token/refresh", &acme.organization_token, json!({})).await;
    assert_eq!(exchange.failed(403), "INSUFFICIENT_SCOPE");
    problem(&service.post(path, &acme.team_token, json!({})).await, 404);
    let of_audit = format!("{path}?token=audit-trails");
    let refused = problem(&service.post(&of_audit, &acme.organization_token, json!({})).await, 400);
    assert_eq!(refused.1.as_deref(), Some("token"));
    assert_eq!(status(&service, &acme.organization_token).await, 200, "it was not replaced by one of another kind");
    let created = data(&service.post(path, &acme.organization_token, json!({})).await, 201);
    assert_eq!(created["relationships"]["created-by"]["data"], json!({"id": "acme", "type": "organizations"}));
    assert_eq!(status(&service, &acme.organization_token).await, 401);
    let token = super::secret(&created);
    assert_eq!(data(&service.get(path, &token).await, 200)["id"], created["id"]);
    let tokens = service.get(super::LIST, &token).await.ok();
    assert_eq!(tokens["meta"]["pagination"]["total-count"], 1, "it is no team's");
    assert_eq!(service.delete(path, &token).await.status, 204);
    assert_eq!(status(&service, &token).await, 401);
}

#[tokio::test]
async fn unsupported_organization_token_kinds_are_refused() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let path = "/api/v2/organizations/acme/authentication-token";
    for query in ["token=audit-trails", "token=organization-runs", "token=&token=audit-trails", "token%20=x&token=user"]
    {
        let other = format!("{path}?{query}");
        assert_eq!(problem(&service.get(&other, &acme.organization_token).await, 404), ("not found".to_owned(), None));
        assert_eq!(
            problem(&service.delete(&other, &acme.organization_token).await, 404),
            ("not found".to_owned(), None)
        );
        let refused = problem(&service.post(&other, &acme.organization_token, json!({})).await, 400);
        assert_eq!(refused.1.as_deref(), Some("token"), "{query}");
        assert_eq!(status(&service, &acme.organization_token).await, 200, "{query}: nothing was deleted or replaced");
    }
    data(&service.get(&format!("{path}?token="), &acme.organization_token).await, 200);
    assert_eq!(service.delete(&format!("{path}?token="), &acme.organization_token).await.status, 204);
    assert_eq!(status(&service, &acme.organization_token).await, 401);
}

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

#[tokio::test]
async fn manager_may_resend_access_but_not_change_it() {
    let service = TestService::new().await;
    service.acme().await;
    let managers = terrapi::domain::organization::Team {
        access: terrapi::domain::organization::OrganizationAccess { manage_teams: true, ..Default::default() },
        ..service.team("team-acme1111managers", &[])
    };
    let token = service.team_with_token(&managers).await;
    let path = format!("/api/v2/teams/{}", managers.id);
    let shown = data(&service.get(&path, &token).await, 200)["attributes"].clone();
    let back = json!({"name": "renamed", "organization-access": shown["organization-access"], "capabilities": []});
    let changed = data(&service.call(Method::PATCH, &path, &token, Some(body(&back))).await, 200);
    assert_eq!(changed["attributes"]["name"], "renamed");
    let more = json!({"organization-access": {"manage-workspaces": true}});
    problem(&service.call(Method::PATCH, &path, &token, Some(body(&more))).await, 404);
}

#[tokio::test]
async fn team_name_may_have_slashes_and_type_may_be_organizations() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let new = json!({"data": {"type": "organizations", "attributes": {"name": "team/with/slashes"}}});
    let created = data(&service.post(TEAMS, &acme.organization_token, new).await, 200);
    assert_eq!(created["attributes"]["name"], "team/with/slashes");
    let list =
        service.get(&format!("{TEAMS}?filter[names]=team%2Fwith%2Fslashes"), &acme.organization_token).await.ok();
    assert_eq!(list["data"][0]["id"], created["id"]);
    let other = json!({"data": {"type": "workspaces", "attributes": {"name": "x"}}});
    assert_eq!(
        problem(&service.post(TEAMS, &acme.organization_token, other).await, 422).1.as_deref(),
        Some("/data/type")
    );
}

#[tokio::test]
async fn organizations_are_searched_by_name_and_address() {
    let service = TestService::new().await;
    let owner = service.token(&[Capability::AccessTokenCreate]);
    for (name, email) in [("alpha", "ops@one.test"), ("beta", "dev@alphabet.test"), ("gamma", "ops@two.test")] {
        data(&service.post(ORGANIZATIONS, &owner, body(&json!({"name": name, "email": email}))).await, 201);
    }
    for (query, expected) in [
        ("?q=ALPHA", &["alpha", "beta"][..]),
        ("?q=ops&page[number]=1", &["alpha", "gamma"]),
        ("?q[name]=alpha", &["alpha"]),
        ("?q%5Bemail%5D=TWO", &["gamma"]),
        ("?q=", &["alpha", "beta", "gamma"]),
        ("?q=nobody", &[]),
    ] {
        let list = service.get(&format!("{ORGANIZATIONS}{query}"), &owner).await.ok();
        let names: Vec<_> = list["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
        assert_eq!(names, expected, "{query}");
        assert_eq!(list["meta"]["pagination"]["total-count"], expected.len(), "{query}");
    }
}

#[tokio::test]
async fn what_does_not_exist_is_refused_with_a_printable_reason() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let create = json!({"data": {"type": "workspaces", "attributes": {"name": "production"}}});
    let invite = json!({"data": {"type": "organization-memberships", "attributes": {"email": "ann@example.com"}}});
    for (method, place, body) in [
        (Method::POST, "organization-memberships", Some(invite)),
        (Method::GET, "workspaces", None),
        (Method::GET, "workspaces?search%5Btags%5D=a", None),
        (Method::POST, "workspaces", Some(create)),
        (Method::GET, "workspaces/production", None),
        (Method::GET, "projects?filter%5Bnames%5D=p", None),
    ] {
        let of = |organization: &str| format!("{ORGANIZATIONS}/{organization}/{place}");
        for token in [&acme.team_token, &acme.organization_token] {
            let refused = service.call(method.clone(), &of("acme"), token, body.clone()).await;
            // No pointer, and no 404, which clients print without the reason.
            assert_eq!(problem(&refused, 400), ("bad request".to_owned(), None), "{method} {place}");
            let detail = refused.json()["errors"][0]["detail"].as_str().unwrap().to_owned();
            let missing =
                if place == "organization-memberships" { "invitations" } else { "workspaces and no projects" };
            assert!(detail.starts_with(&format!("There are no {missing} here")), "{detail}");
        }
        let hidden = service.call(method.clone(), &of("nobody"), &acme.team_token, body.clone()).await;
        problem(&hidden, 404);
        problem(&service.call(method, &of("acme"), "garbage", body).await, 401);
    }
    problem(&service.get(&format!("{ORGANIZATIONS}/%FF/workspaces/production"), &acme.team_token).await, 404);
}

/// A client that deletes takes 404 for success.
#[tokio::test]
async fn membership_cannot_be_deleted_and_says_so() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let list = service.get(&format!("{ORGANIZATIONS}/acme/organization-memberships"), &acme.organization_token).await;
    let id = data(&list, 200)[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v2/organization-memberships/{id}");
    let refused = service.delete(&path, &acme.organization_token).await;
    problem(&refused, 400);
    let detail = refused.json()["errors"][0]["detail"].as_str().unwrap().to_owned();
    assert!(detail.ends_with("remove the person from every team of the organization."), "{detail}");
    data(&service.get(&path, &acme.organization_token).await, 200);
    problem(
        &service.delete("/api/v2/organization-memberships/ou-acme1111nobody11", &acme.organization_token).await,
        404,
    );
    problem(&service.delete(&path, "garbage").await, 401);
}

#[tokio::test]
async fn error_says_what_is_missing_and_where_to_go() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let path = "/api/v2/organizations/acme/entitlement-set";
    let shown = data(&service.get(path, &acme.team_token).await, 200);
    assert_eq!((&shown["type"], &shown["id"]), (&json!("entitlement-sets"), &json!("org-acme1111acme1111")));
    for (name, entitled) in shown["attributes"].as_object().unwrap() {
        assert_eq!(entitled, &json!(name == "teams"), "{name}");
    }
    problem(&service.get("/api/v2/organizations/nobody/entitlement-set", &acme.team_token).await, 404);
    let login = service.get("/app/settings/tokens?source=terraform-login", "").await;
    assert_eq!((login.status.as_u16(), login.header("location")), (307, Some("../../docs")));
    for token in [&acme.team_token, &service.token(&[Capability::AccessTokenCreate])] {
        let account = data(&service.get(super::ACCOUNT, token).await, 200);
        let own = account["links"]["self"].as_str().unwrap();
        assert_eq!(data(&service.get(own, token).await, 200)["id"], account["id"], "the link leads here");
        assert!(account["attributes"]["avatar-url"].as_str().unwrap().starts_with("data:image/svg+xml,"));
    }
}
