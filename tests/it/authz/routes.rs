//! Every route, and who may use it.

use http::Method;
use serde_json::{Value, json};
use terrapi::domain::Capability::{self, AccessTokenCreate, KvStoreRead, KvStoreWrite};

use crate::support::organizations::{ACME, PLATFORM, PLATFORM_TOKEN};

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everyone.
    Open,
    /// The holder of an API key.
    Key,
    /// Someone with a role in the organization: with its token, a team's token, a user's access token that may create
    /// credentials, or a session.
    Holder,
    /// Like [`Self::Holder`], but only a user.
    Person,
    /// The holder of an access token with these capabilities, or a browser with a session.
    Token(&'static [Capability], Reach),
}

/// What the token must cover besides its capabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Nothing more.
    Anywhere,
    /// The path's VCS.
    Vcs,
    /// The path's installation; the token's owner must be a member.
    Installation,
    /// Like [`Self::Installation`], and the token must be limited to this installation.
    Named,
    /// The path's GitLab group, to which the token must be limited. GitLab decides whether its owner is a member.
    Group,
    /// Everything: the token's owner must be an administrator.
    Administrator,
}

/// One operation: its documented path, and a request that succeeds for its intended caller.
#[derive(Debug, Clone)]
pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub access: Access,
    pub url: String,
    pub body: Option<Value>,
}

const ID: &str = "0190a5d0-ac96-774b-bcce-b302099a8057";
const LETTER: &str = "001790000000000-fold-4900";
const READ: Access = Access::Token(&[KvStoreRead], Reach::Installation);
const WRITE: Access = Access::Token(&[KvStoreWrite], Reach::Installation);
const READ_WRITE: Access = Access::Token(&[KvStoreRead, KvStoreWrite], Reach::Installation);
const KEYS: Access = Access::Token(&[AccessTokenCreate], Reach::Vcs);
const NAMED: Access = Access::Token(&[], Reach::Named);
const GROUP: Access = Access::Token(&[], Reach::Group);
const ADMINISTRATOR: Access = Access::Token(&[], Reach::Administrator);
const ANYBODY: Access = Access::Token(&[], Reach::Anywhere);

/// Every operation. Each new operation is added here.
pub fn routes() -> Vec<Route> {
    use Access::{Holder, Key, Open, Person};
    let key = json!({"name": "ci", "capabilities": []});
    let record = json!({"data": 1});
    let people = json!({"data": []});
    let memberships = people.clone();
    let commit = json!({"keys": [{"key": "a"}]});
    let table = vec![
        (Method::GET, "/.well-known/jwks.json", Open, None),
        (Method::GET, "/health", Open, None),
        (Method::GET, "/api/v1/server/config", Open, None),
        (Method::GET, "/api/v1/github/client_id", Open, None),
        (Method::GET, "/docs", Open, None),
        (Method::GET, "/docs/{asset}", Open, None),
        (Method::GET, "/openapi.json", Open, None),
        (Method::POST, "/api/v1/access-token/refresh", Key, None),
        (Method::GET, "/api/v1/whoami", ANYBODY, None),
        (Method::POST, "/api/v1/logout", ANYBODY, None),
        (Method::GET, "/api/v1/github/whoami", ANYBODY, None),
        (Method::GET, "/api/v1/gitlab/whoami", ANYBODY, None),
        (Method::GET, "/api/v1/{vcs}/login", Open, None),
        (Method::GET, "/api/github/v1/callback", Open, None),
        (Method::GET, "/api/v1/gitlab/callback", Open, None),
        (Method::POST, "/api/v1/{vcs}/access-token", KEYS, Some(key)),
        (Method::GET, "/api/v1/{vcs}/access-token", KEYS, None),
        (Method::DELETE, "/api/v1/{vcs}/access-token", KEYS, None),
        (Method::GET, "/api/v1/{vcs}/access-token/{id}/audit", KEYS, None),
        (Method::GET, "/api/v1/tasks/{id}", ANYBODY, None),
        (Method::POST, "/api/v1/{vcs}/installations/{installation_id}/repos/refresh", NAMED, None),
        (Method::POST, "/api/v1/installations/{installation_id}/repos/refresh", NAMED, None),
        (Method::GET, "/api/v1/user/github/installations", ANYBODY, None),
        (Method::GET, "/api/v1/gitlab/installations", ANYBODY, None),
        (Method::GET, "/api/v1/gitlab/groups", ANYBODY, None),
        (Method::GET, "/api/v1/gitlab/groups/{id}/is-member", GROUP, None),
        (Method::GET, "/api/v1/gitlab/whoareyou", ANYBODY, None),
        (Method::GET, "/api/v1/gitlab/installations/{id}/webhook", GROUP, None),
        (
            Method::PUT,
            "/api/v1/gitlab/installations/{installation_id}/access-token",
            GROUP,
            Some(json!({"access_token": "glpat-1"})),
        ),
        (Method::GET, "/api/v1/admin/audit", ADMINISTRATOR, None),
        (Method::GET, "/api/v1/admin/drifts", ADMINISTRATOR, None),
        (Method::GET, "/api/v1/admin/dead-letters", ADMINISTRATOR, None),
        (Method::POST, "/api/v1/admin/dead-letters/{id}/replay", ADMINISTRATOR, None),
        (Method::GET, "/api/v1/admin/users", ADMINISTRATOR, None),
        (Method::DELETE, "/api/v1/admin/users/{id}/memberships/{vcs}/{installation_id}", ADMINISTRATOR, None),
        (Method::GET, "/api/v1/admin/organizations", ADMINISTRATOR, None),
        (Method::GET, "/api/v1/{vcs}/kv/{installation_id}/key/{key}", READ, None),
        (Method::PUT, "/api/v1/{vcs}/kv/{installation_id}/key/{key}", WRITE, Some(record.clone())),
        (Method::DELETE, "/api/v1/{vcs}/kv/{installation_id}/key/{key}", READ_WRITE, None),
        (Method::PUT, "/api/v1/{vcs}/kv/{installation_id}/cas/key/{key}", READ_WRITE, Some(record)),
        (Method::GET, "/api/v1/{vcs}/kv/{installation_id}/count/key/{key}", READ, None),
        (Method::GET, "/api/v1/{vcs}/kv/{installation_id}/size/key/{key}", READ, None),
        (Method::GET, "/api/v1/{vcs}/kv/{installation_id}/iter/{key}", READ, None),
        (Method::POST, "/api/v1/{vcs}/kv/{installation_id}/commit", WRITE, Some(commit)),
        (Method::GET, "/.well-known/terraform.json", Open, None),
        (Method::GET, "/api/v2/ping", Open, None),
        (Method::GET, "/api/v2/account/details", Holder, None),
        (Method::POST, "/api/v2/teams/{team_id}/authentication-token", Holder, Some(json!({}))),
        (Method::GET, "/api/v2/teams/{team_id}/authentication-token", Holder, None),
        (Method::DELETE, "/api/v2/teams/{team_id}/authentication-token", Holder, None),
        (
            Method::POST,
            "/api/v2/teams/{team_id}/authentication-tokens",
            Holder,
            Some(json!({"data": {"attributes": {"description": "ci"}}})),
        ),
        (Method::GET, "/api/v2/organizations/{organization_name}/team-tokens", Holder, None),
        (Method::GET, "/api/v2/authentication-tokens/{token_id}", Holder, None),
        (Method::DELETE, "/api/v2/authentication-tokens/{token_id}", Holder, None),
        (Method::GET, "/api/v2/organizations", Holder, None),
        (
            Method::POST,
            "/api/v2/organizations",
            Person,
            Some(json!({"data": {"attributes": {"name": "new", "email": "a@b.test"}}})),
        ),
        (Method::GET, "/api/v2/organizations/{organization_name}", Holder, None),
        (
            Method::PATCH,
            "/api/v2/organizations/{organization_name}",
            Holder,
            Some(json!({"data": {"attributes": {"email": "c@d.test"}}})),
        ),
        (Method::POST, "/api/v2/organizations/{organization_name}/authentication-token", Holder, Some(json!({}))),
        (Method::GET, "/api/v2/organizations/{organization_name}/authentication-token", Holder, None),
        (Method::DELETE, "/api/v2/organizations/{organization_name}/authentication-token", Holder, None),
        (Method::GET, "/api/v2/organizations/{organization_name}/organization-memberships", Holder, None),
        (Method::GET, "/api/v2/organization-memberships/{membership_id}", Holder, None),
        (Method::POST, "/api/v2/teams/{team_id}/relationships/users", Holder, Some(people.clone())),
        (Method::DELETE, "/api/v2/teams/{team_id}/relationships/users", Holder, Some(people)),
        (Method::GET, "/api/v2/teams/{team_id}/relationships/organization-memberships", Holder, None),
        (
            Method::POST,
            "/api/v2/teams/{team_id}/relationships/organization-memberships",
            Holder,
            Some(memberships.clone()),
        ),
        (Method::DELETE, "/api/v2/teams/{team_id}/relationships/organization-memberships", Holder, Some(memberships)),
        (Method::GET, "/api/v2/organizations/{organization_name}/entitlement-set", Holder, None),
        (Method::GET, "/api/v2/organizations/{organization_name}/teams", Holder, None),
        (
            Method::POST,
            "/api/v2/organizations/{organization_name}/teams",
            Holder,
            Some(json!({"data": {"attributes": {"name": "new"}}})),
        ),
        (Method::GET, "/api/v2/teams/{team_id}", Holder, None),
        (
            Method::PATCH,
            "/api/v2/teams/{team_id}",
            Holder,
            Some(json!({"data": {"attributes": {"visibility": "organization"}}})),
        ),
        (Method::DELETE, "/api/v2/teams/{team_id}", Holder, None),
        (Method::DELETE, "/api/v2/organizations/{organization_name}", Holder, None),
        (Method::DELETE, "/api/v1/admin/organizations/{name}", ADMINISTRATOR, None),
    ];
    let route = |(method, path, access, body): (Method, &'static str, Access, Option<Value>)| {
        let url = path.replace("{vcs}", "github").replace("{installation_id}", "12345").replace("{key}", "a");
        let id = match access {
            GROUP => "12345",
            _ if path.contains("dead-letters") => LETTER,
            _ => ID,
        };
        let url = url
            .replace("{organization_name}", ACME)
            .replace("{name}", ACME)
            .replace("{team_id}", PLATFORM)
            .replace("{token_id}", PLATFORM_TOKEN)
            .replace("{membership_id}", "ou-acme1111acme1111");
        let url = url.replace("{id}", id).replace("{asset}", "page.js");
        let url = if method == Method::DELETE && access == KEYS { format!("{url}?id={ID}") } else { url };
        let of_installation = ["/api/v1/admin/users", "/api/v1/admin/organizations"].contains(&path);
        let url = if of_installation { format!("{url}?installation_id=12345") } else { url };
        Route { method, path, access, url, body }
    };
    table.into_iter().map(route).collect()
}

impl Route {
    /// The capabilities that the caller needs.
    pub fn capabilities(&self) -> Vec<Capability> {
        let Access::Token(capabilities, reach) = self.access else { return Vec::new() };
        let named = matches!(reach, Reach::Named | Reach::Group).then(|| Capability::InstallationId("12345".into()));
        capabilities.iter().cloned().chain(named).collect()
    }
}
