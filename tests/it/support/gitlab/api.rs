//! GitLab's API. Each answer is the example from the API description with our values filled in.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use axum::routing::{get, head};
use http::HeaderMap;
use serde_json::{Value, json};

use super::super::stand_in::{answer, locked, page_of, pairs};
use super::{Group, Lab, Project, Shared};

type Gitlab = State<Arc<Shared>>;

pub fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v4/user", get(user))
        .route("/api/v4/groups", get(groups))
        .route("/api/v4/groups/{id}", get(group))
        .route("/api/v4/groups/{id}/members/all/{user_id}", get(member))
        .route("/api/v4/groups/{id}/projects", get(projects))
        .route("/api/v4/projects/{id}", get(project))
        .route("/api/v4/projects/{id}/repository/files/{file_path}", head(file))
}

fn caller(lab: &Lab, headers: &HeaderMap) -> Option<u64> {
    lab.person(headers["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap())
}

fn unknown() -> Response {
    answer(401, json!({"message": "401 Unauthorized"}))
}

fn missing(what: &str) -> Response {
    answer(404, json!({"message": format!("404 {what} Not Found")}))
}

async fn user(State(gitlab): Gitlab, headers: HeaderMap) -> Response {
    let lab = locked(&gitlab.lab);
    let Some(person) = caller(&lab, &headers) else { return unknown() };
    let mut user = gitlab.desk.example("GET /api/v4/user");
    user["id"] = person.into();
    user["username"] = lab.people[&person].clone().into();
    user["public_email"] = "".into();
    answer(200, user)
}

/// With `min_access_level`, the groups where the caller has at least that level; without it, every group (all are
/// public).
async fn groups(State(gitlab): Gitlab, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let lab = locked(&gitlab.lab);
    let Some(person) = caller(&lab, &headers) else { return unknown() };
    let query = pairs(&query.unwrap_or_default());
    let least = query.iter().find(|(name, _)| name == "min_access_level").map(|(_, level)| level.parse().unwrap());
    let reaches =
        |group: &Group| least.is_none_or(|least: u32| group.members.get(&person).is_some_and(|level| *level >= least));
    let mut mine: Vec<_> = lab.groups.iter().filter(|(_, group)| reaches(group)).collect();
    mine.sort_by(|(_, one), (_, other)| one.name.cmp(&other.name));
    let (page, pages) = page_of(mine, format!("{}/api/v4/groups", gitlab.origin), query, 20);
    let page: Vec<Value> = page.into_iter().map(|(id, group)| shown(&gitlab, *id, group)).collect();
    let mut response = answer(200, page.into());
    response.headers_mut().extend(pages.gitlab_headers());
    response
}

fn shown(gitlab: &Shared, id: u64, group: &Group) -> Value {
    let mut shown = gitlab.desk.example("GET /api/v4/groups/{id}");
    shown["id"] = id.into();
    for member in ["name", "path", "full_name", "full_path"] {
        shown[member] = group.name.clone().into();
    }
    shown
}

async fn group(State(gitlab): Gitlab, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let lab = locked(&gitlab.lab);
    if caller(&lab, &headers).is_none() {
        return unknown();
    }
    lab.find_group(&id).map_or_else(|| missing("Group"), |(id, group)| answer(200, shown(&gitlab, id, group)))
}

async fn member(State(gitlab): Gitlab, Path((id, person)): Path<(String, u64)>, headers: HeaderMap) -> Response {
    let lab = locked(&gitlab.lab);
    if caller(&lab, &headers).is_none() {
        return unknown();
    }
    let Some((_, group)) = lab.find_group(&id) else { return missing("Group") };
    let Some(level) = group.members.get(&person) else { return missing("Not found") };
    let mut member = gitlab.desk.example("GET /api/v4/groups/{id}/members/all/{user_id}");
    member["id"] = person.into();
    member["username"] = lab.people[&person].clone().into();
    member["access_level"] = (*level).into();
    answer(200, member)
}

/// Groups are public, but only members see their projects.
async fn projects(
    State(gitlab): Gitlab,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let lab = locked(&gitlab.lab);
    let Some(person) = caller(&lab, &headers) else { return unknown() };
    let Some((_, group)) = lab.find_group(&id) else { return missing("Group") };
    let url = format!("{}/api/v4/groups/{id}/projects", gitlab.origin);
    let seen = group.projects.iter().filter(|_| group.members.contains_key(&person)).collect();
    let (page, pages) = page_of(seen, url, pairs(&query.unwrap_or_default()), 20);
    let page: Vec<Value> = page.into_iter().map(|project| shown_project(&gitlab, group, project)).collect();
    let mut response = answer(200, page.into());
    response.headers_mut().extend(pages.gitlab_headers());
    response
}

fn shown_project(gitlab: &Shared, group: &Group, project: &Project) -> Value {
    let mut shown = gitlab.desk.example("GET /api/v4/projects/{id}");
    shown["id"] = project.id.into();
    shown["path"] = project.name.clone().into();
    shown["path_with_namespace"] = format!("{}/{}", group.name, project.name).into();
    shown["namespace"]["full_path"] = group.name.clone().into();
    shown["archived"] = project.archived.into();
    shown
}

fn find(lab: &Lab, id: u64) -> Option<(&Group, &Project)> {
    let mut all = lab.groups.values().flat_map(|group| group.projects.iter().map(move |project| (group, project)));
    all.find(|(_, project)| project.id == id)
}

async fn project(State(gitlab): Gitlab, Path(id): Path<u64>, headers: HeaderMap) -> Response {
    let lab = locked(&gitlab.lab);
    if caller(&lab, &headers).is_none() {
        return unknown();
    }
    let found = find(&lab, id);
    found.map_or_else(|| missing("Project"), |(group, project)| answer(200, shown_project(&gitlab, group, project)))
}

async fn file(
    State(gitlab): Gitlab,
    Path((id, path)): Path<(u64, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let lab = locked(&gitlab.lab);
    if caller(&lab, &headers).is_none() {
        return unknown();
    }
    let default_branch = pairs(&query.unwrap_or_default()).iter().any(|(name, value)| name == "ref" && value == "HEAD");
    let here = find(&lab, id).is_some_and(|(_, project)| project.files.contains(&path));
    if here && default_branch { answer(200, Value::Null) } else { missing("File") }
}
