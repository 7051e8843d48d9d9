//! GitLab. Its client crate would bring a second TLS stack and the system's root certificates (`reqwest/rustls`), so
//! the few calls are made here, with the same HTTP client as GitHub's.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use http::{Method, Request};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::accounts::Accounts;
use super::catalogue::{Catalogue, InstallationAccess, RepositoryPage};
use super::config::{GitlabCredentials, GitlabSettings, Misconfigured};
use super::failure::{Failure, Result};
use super::groups::Groups;
use super::http::Http;
use super::members::Members;
use super::oauth::{Endpoints, OAuth};
use crate::domain::{AccountKind, InstallationId, Profile, ProviderInstallation, ProviderRepository, SecretText};

/// Items per page: GitLab's maximum.
const PER_PAGE: u32 = 100;

/// The maximum number of pages of one listing.
const MAX_PAGES: u32 = 50;

/// The lowest access level that counts as a membership: guest. Minimal access, the level below, sees no project.
const MIN_LEVEL: u32 = 10;

/// Allows reading a person's profile, groups and access levels.
const SCOPE: &str = "read_api";

/// The access levels that may administer a group: maintainer and owner. No other value counts.
const ADMINISTRATOR_LEVELS: [u32; 2] = [40, 50];

pub struct Gitlab {
    oauth: OAuth,
    api: String,
    own_token: Option<SecretText>,
    http: Arc<Http>,
}

#[derive(Deserialize)]
struct User {
    id: u64,
    username: String,
    name: Option<String>,
    public_email: Option<String>,
    avatar_url: Option<String>,
}

#[derive(Deserialize)]
struct Group {
    id: u64,
    full_name: String,
}

#[derive(Deserialize)]
struct Member {
    state: String,
    access_level: u32,
}

#[derive(Deserialize)]
struct Project {
    id: u64,
    path: String,
    namespace: Namespace,
    default_branch: Option<String>,
    #[serde(default)]
    archived: bool,
}

#[derive(Deserialize)]
struct Namespace {
    full_path: String,
}

impl Gitlab {
    /// # Errors
    /// A URL is invalid.
    pub fn new(
        settings: &GitlabSettings,
        credentials: GitlabCredentials,
        http: Arc<Http>,
    ) -> std::result::Result<Self, Misconfigured> {
        let endpoints = Endpoints {
            authorize: format!("{}/oauth/authorize", settings.web_base_url),
            token: format!("{}/oauth/token", settings.web_base_url),
        };
        let oauth = OAuth::new(endpoints, &settings.app_id, &credentials.app_secret, Some(SCOPE), http.clone())
            .map_err(|_| Misconfigured::new("GITLAB_WEB_BASE_URL", "is not a URL"))?;
        Ok(Self { oauth, api: format!("{}/api/v4", settings.api_base_url), own_token: credentials.access_token, http })
    }

    /// The parsed answer, and the number of the next page.
    async fn page<T: DeserializeOwned>(&self, token: &SecretText, route: &str) -> Result<(T, Option<u32>)> {
        let answer = self.send(Method::GET, token, route).await?;
        let body = serde_json::from_slice(answer.body())
            .map_err(|_| Failure::unavailable("an answer has an unexpected shape"))?;
        Ok((body, next_page(answer.headers())))
    }

    async fn get<T: DeserializeOwned>(&self, token: &SecretText, route: &str) -> Result<T> {
        self.page(token, route).await.map(|(body, _)| body)
    }

    async fn send(&self, method: Method, token: &SecretText, route: &str) -> Result<http::Response<Bytes>> {
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.reveal())).map_err(|_| Failure::Rejected)?;
        bearer.set_sensitive(true);
        let request = Request::builder().method(method).uri(format!("{}{route}", self.api));
        let request = request.header(AUTHORIZATION, bearer).header(ACCEPT, "application/json");
        let request = request.body(Bytes::new()).map_err(Failure::unavailable)?;
        let answer = self.http.send(request).await?;
        match answer.status().as_u16() {
            200 => Ok(answer),
            401 => Err(Failure::Rejected),
            403 => Err(Failure::Forbidden),
            404 => Err(Failure::NotFound),
            status => Err(Failure::unavailable(format!("the provider answered {status}"))),
        }
    }

    fn group_token<'a>(&'a self, access: InstallationAccess<'a>) -> Result<&'a SecretText> {
        access.token.or(self.own_token.as_ref()).ok_or(Failure::Forbidden)
    }

    async fn level(&self, token: &SecretText, group: &str, person: u64) -> Result<u32> {
        let member: Member = self.get(token, &format!("/groups/{group}/members/all/{person}")).await?;
        if member.state == "active" { Ok(member.access_level) } else { Err(Failure::NotFound) }
    }
}

#[async_trait]
impl Accounts for Gitlab {
    fn oauth(&self) -> &OAuth {
        &self.oauth
    }

    async fn profile(&self, access: &SecretText) -> Result<Profile> {
        self.get::<User>(access, "/user").await.map(Profile::from)
    }

    async fn installations_of_user(&self, access: &SecretText) -> Result<Vec<ProviderInstallation>> {
        let mut all = Vec::new();
        for page in 1..=MAX_PAGES {
            // Without `min_access_level`, the answer would include public groups.
            let route =
                format!("/groups?min_access_level={MIN_LEVEL}&order_by=name&sort=asc&per_page={PER_PAGE}&page={page}");
            let (groups, next): (Vec<Group>, _) = self.page(access, &route).await?;
            all.extend(groups.into_iter().map(ProviderInstallation::from));
            if next.is_none() {
                return Ok(all);
            }
        }
        Err(Failure::unavailable("a listing has too many pages"))
    }
}

#[async_trait]
impl Catalogue for Gitlab {
    async fn repositories(&self, access: InstallationAccess<'_>, page: u32) -> Result<RepositoryPage> {
        let group = access.installation;
        let route = format!("/groups/{group}/projects?include_subgroups=true&per_page={PER_PAGE}&page={page}");
        let (projects, next): (Vec<Project>, _) = self.page(self.group_token(access)?, &route).await?;
        Ok(RepositoryPage { repositories: projects.into_iter().map(ProviderRepository::from).collect(), next })
    }

    async fn repository(
        &self,
        access: InstallationAccess<'_>,
        known: &ProviderRepository,
    ) -> Result<ProviderRepository> {
        let route = format!("/projects/{}", known.id);
        self.get::<Project>(self.group_token(access)?, &route).await.map(ProviderRepository::from)
    }

    async fn has_file(&self, access: InstallationAccess<'_>, at: &ProviderRepository, path: &str) -> Result<bool> {
        // The whole path is one segment. `HEAD` stands for the default branch.
        let path = utf8_percent_encode(path, NON_ALPHANUMERIC);
        let route = format!("/projects/{}/repository/files/{path}?ref=HEAD", at.id);
        match self.send(Method::HEAD, self.group_token(access)?, &route).await {
            Ok(_) => Ok(true),
            Err(Failure::NotFound) => Ok(false),
            Err(failure) => Err(failure),
        }
    }
}

#[async_trait]
impl Members for Gitlab {
    async fn is_administrator(
        &self,
        access: InstallationAccess<'_>,
        of: &ProviderRepository,
        person: &Profile,
    ) -> Result<bool> {
        let owner = utf8_percent_encode(&of.owner, NON_ALPHANUMERIC).to_string();
        match self.level(self.group_token(access)?, &owner, person.id).await {
            Ok(level) => Ok(ADMINISTRATOR_LEVELS.contains(&level)),
            Err(Failure::NotFound) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn is_member(&self, access: InstallationAccess<'_>, person: &Profile) -> Result<bool> {
        let (token, group) = (self.group_token(access)?, access.installation);
        match self.level(token, &group.to_string(), person.id).await {
            Ok(level) => Ok(level >= MIN_LEVEL),
            // GitLab answers in the same way for a group that the token may not see and for a person who is not in it.
            Err(Failure::NotFound) => match self.group_name(token, group).await {
                Ok(_) => Ok(false),
                Err(Failure::NotFound | Failure::Rejected) => Err(Failure::Forbidden),
                Err(failure) => Err(failure),
            },
            Err(Failure::Rejected) => Err(Failure::Forbidden),
            Err(failure) => Err(failure),
        }
    }
}

#[async_trait]
impl Groups for Gitlab {
    async fn group_access_level(&self, access: &SecretText, group: InstallationId, person: u64) -> Result<u32> {
        self.level(access, &group.to_string(), person).await
    }

    async fn own_account(&self) -> Result<Profile> {
        let token = self.own_token.as_ref().ok_or(Failure::NotFound)?;
        self.profile(token).await.map_err(as_service_failure)
    }

    async fn own_account_belongs_to(&self, group: InstallationId) -> Result<bool> {
        let Some(token) = self.own_token.as_ref() else { return Ok(false) };
        let own = self.own_account().await?;
        match self.level(token, &group.to_string(), own.id).await {
            Ok(_) => Ok(true),
            Err(Failure::NotFound) => Ok(false),
            Err(failure) => Err(as_service_failure(failure)),
        }
    }

    async fn group_name(&self, access: &SecretText, group: InstallationId) -> Result<String> {
        self.get::<Group>(access, &format!("/groups/{group}?with_projects=false")).await.map(|group| group.full_name)
    }
}

/// Turns a rejection of this service's own token into a failure of this service: signing in again would not help.
fn as_service_failure(failure: Failure) -> Failure {
    match failure {
        Failure::Rejected | Failure::Forbidden => Failure::unavailable("the provider rejects this service's own token"),
        failure => failure,
    }
}

fn next_page(headers: &HeaderMap) -> Option<u32> {
    headers.get("x-next-page")?.to_str().ok()?.trim().parse().ok()
}

impl From<User> for Profile {
    fn from(user: User) -> Self {
        let email = user.public_email.filter(|email| !email.is_empty());
        Self { id: user.id, login: user.username, name: user.name, email, avatar_url: user.avatar_url }
    }
}

impl From<Group> for ProviderInstallation {
    fn from(group: Group) -> Self {
        let id = InstallationId::new(group.id);
        Self { id, name: group.full_name, account: AccountKind::Organization, suspended: false }
    }
}

impl From<Project> for ProviderRepository {
    fn from(project: Project) -> Self {
        Self {
            id: project.id,
            owner: project.namespace.full_path,
            name: project.path,
            default_branch: project.default_branch,
            archived: project.archived,
        }
    }
}
