//! GitHub's API. Each answer is the example from the API description with our values filled in.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs1KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use terrapi::domain::Seconds;

use super::super::stand_in::{Pages, answer, locked, page_of, pairs};
use super::{APP_ID, APP_PEM, Installation, Repository, Shared};

type Github = State<Arc<Shared>>;

pub fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/user", get(user))
        .route("/user/installations", get(installations))
        .route("/user/{id}", get(user_by_number))
        .route("/app/installations/{id}", get(installation))
        .route("/app/installations/{id}/access_tokens", post(access_token))
        .route("/installation/repositories", get(repositories))
        .route("/repos/{owner}/{repo}", get(repository))
        .route("/repos/{owner}/{repo}/contents/{*path}", get(contents))
        .route("/orgs/{org}/memberships/{username}", get(membership))
}

fn bearer(headers: &HeaderMap) -> &str {
    headers["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap()
}

fn refused(status: u16, message: &str) -> Response {
    answer(
        status,
        json!({"message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string()}),
    )
}

async fn user(State(github): Github, headers: HeaderMap) -> Response {
    let hub = locked(&github.hub);
    let Some(person) = hub.oauth.person(bearer(&headers)) else { return refused(401, "Bad credentials") };
    let mut user = github.desk.example("GET /user");
    user["id"] = person.into();
    user["login"] = hub.people[&person].clone().into();
    user["email"] = Value::Null;
    answer(200, user)
}

/// Answers for an installation token: any user is visible.
async fn user_by_number(State(github): Github, Path(id): Path<u64>, headers: HeaderMap) -> Response {
    let hub = locked(&github.hub);
    if hub.installation_of(bearer(&headers)).is_none() {
        return refused(401, "Bad credentials");
    }
    let Some(login) = hub.people.get(&id) else { return refused(404, "Not Found") };
    let mut user = github.desk.example("GET /user/{account_id}");
    user["id"] = id.into();
    user["login"] = login.clone().into();
    user["email"] = Value::Null;
    answer(200, user)
}

/// Answers for the App's token.
async fn installation(State(github): Github, Path(id): Path<u64>, headers: HeaderMap) -> Response {
    let hub = locked(&github.hub);
    if !is_app(bearer(&headers), hub.now()) {
        return refused(401, "A JSON web token could not be decoded");
    }
    let Some(installation) = hub.installations.get(&id) else { return refused(404, "Not Found") };
    let mut shown = github.desk.example("GET /app/installations/{installation_id}");
    shown["id"] = id.into();
    shown["target_type"] = installation.kind.into();
    shown["account"]["login"] = installation.account.clone().into();
    shown["account"]["type"] = installation.kind.into();
    let owner = hub.people.iter().find(|(_, login)| **login == installation.account);
    shown["account"]["id"] = owner.map_or(1, |(id, _)| *id).into();
    shown["suspended_at"] = if installation.suspended { "2026-01-01T00:00:00Z".into() } else { Value::Null };
    answer(200, shown)
}

async fn installations(State(github): Github, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let hub = locked(&github.hub);
    let Some(person) = hub.oauth.person(bearer(&headers)) else { return refused(401, "Bad credentials") };
    let mine: Vec<_> = hub.installations.iter().filter(|(_, each)| each.members.contains(&person)).collect();
    let example = github.desk.example("GET /user/installations")["installations"][0].clone();
    listing(&github, "/user/installations", query, "installations", mine, |(id, installation)| {
        let mut shown = example.clone();
        shown["id"] = (*id).into();
        shown["target_type"] = installation.kind.into();
        shown["account"]["login"] = installation.account.clone().into();
        shown["account"]["type"] = installation.kind.into();
        shown["suspended_at"] = if installation.suspended { "2026-01-01T00:00:00Z".into() } else { Value::Null };
        shown
    })
}

async fn access_token(State(github): Github, Path(id): Path<u64>, headers: HeaderMap) -> Response {
    let mut hub = locked(&github.hub);
    if !is_app(bearer(&headers), hub.now()) {
        return refused(401, "A JSON web token could not be decoded");
    }
    match hub.installations.get(&id) {
        None => return refused(404, "Not Found"),
        Some(installation) if installation.suspended => return refused(403, "This installation has been suspended"),
        Some(_) => {}
    }
    let (token, end) = hub.sell_token(id);
    let mut sold = github.desk.example("POST /app/installations/{installation_id}/access_tokens");
    sold["token"] = token.into();
    sold["expires_at"] = Seconds(end).millis().rfc3339().into();
    answer(201, sold)
}

/// Whether a token is a valid App token: signed by its key, valid for at most ten minutes, issued in the past.
fn is_app(token: &str, now: i64) -> bool {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let key = PrivatePkcs1KeyDer::from_pem_slice(APP_PEM.as_bytes()).unwrap();
    let key = RsaKeyPair::from_der(key.secret_pkcs1_der()).unwrap();
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public());
    let part = |text: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap() };
    let (header, claims) = signed.split_once('.').map(|(header, claims)| (part(header), part(claims))).unwrap();
    let (issued, end) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
    key.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).is_ok()
        && header["alg"] == "RS256"
        && claims["iss"] == APP_ID
        && issued <= now
        && (now..=now + 600).contains(&end)
}

async fn repositories(State(github): Github, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let hub = locked(&github.hub);
    let Some(installation) = hub.installation_of(bearer(&headers)) else { return refused(401, "Bad credentials") };
    let example = github.desk.example("GET /installation/repositories")["repositories"][0].clone();
    let all = installation.repositories.iter().collect();
    listing(&github, "/installation/repositories", query, "repositories", all, |repository| {
        shown(&example, installation, repository)
    })
}

fn shown(example: &Value, installation: &Installation, repository: &Repository) -> Value {
    let mut shown = example.clone();
    shown["id"] = repository.id.into();
    shown["name"] = repository.name.clone().into();
    shown["full_name"] = format!("{}/{}", installation.account, repository.name).into();
    shown["owner"]["login"] = installation.account.clone().into();
    shown["archived"] = repository.archived.into();
    shown["default_branch"] = "main".into();
    shown
}

/// A page of a listing, with a `Link` header.
fn listing<T>(
    github: &Shared,
    path: &str,
    query: Option<String>,
    member: &str,
    all: Vec<T>,
    show: impl Fn(T) -> Value,
) -> Response {
    let total = all.len();
    let url = format!("{}{path}", github.origin);
    let (page, pages): (Vec<T>, Pages) = page_of(all, url, pairs(&query.unwrap_or_default()), 30);
    let page: Vec<Value> = page.into_iter().map(show).collect();
    let mut response = answer(200, json!({"total_count": total, member: page}));
    if let Some(link) = pages.link() {
        response.headers_mut().insert("link", link.parse().unwrap());
    }
    response
}

async fn repository(
    State(github): Github,
    Path((owner, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let hub = locked(&github.hub);
    let Some(installation) = hub.installation_of(bearer(&headers)) else { return refused(401, "Bad credentials") };
    match find(installation, &owner, &name) {
        Some(repository) => {
            let mut example = github.desk.example("GET /repos/{owner}/{repo}");
            // GitHub's own example does not match GitHub's schema.
            example["language"] = Value::Null;
            example.as_object_mut().unwrap().retain(|name, _| !["source", "parent"].contains(&name.as_str()));
            answer(200, shown(&example, installation, repository))
        }
        None => refused(404, "Not Found"),
    }
}

fn find<'a>(installation: &'a Installation, owner: &str, name: &str) -> Option<&'a Repository> {
    let mut repositories = installation.repositories.iter();
    repositories.find(|each| installation.account == owner && each.name == name)
}

async fn contents(
    State(github): Github,
    Path((owner, name, path)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    let hub = locked(&github.hub);
    let Some(installation) = hub.installation_of(bearer(&headers)) else { return refused(401, "Bad credentials") };
    let here = find(installation, &owner, &name).is_some_and(|repository| repository.files.contains(&path));
    if !here {
        return refused(404, "Not Found");
    }
    let mut file = github.desk.example("GET /repos/{owner}/{repo}/contents/{path}");
    file["path"] = path.into();
    answer(200, file)
}

async fn membership(
    State(github): Github,
    Path((organisation, login)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let hub = locked(&github.hub);
    let Some(installation) = hub.installation_of(bearer(&headers)) else { return refused(401, "Bad credentials") };
    let person = hub.people.iter().find(|(_, known)| **known == login).map(|(id, _)| *id);
    let ours = installation.account == organisation && installation.kind == "Organization";
    let Some(person) = person.filter(|person| ours && installation.members.contains(person)) else {
        return refused(404, "Not Found");
    };
    let mut membership = github.desk.example("GET /orgs/{org}/memberships/{username}");
    membership["state"] = "active".into();
    membership["role"] = if installation.administrators.contains(&person) { "admin" } else { "member" }.into();
    membership["user"]["id"] = person.into();
    membership["user"]["login"] = login.into();
    answer(200, membership)
}
