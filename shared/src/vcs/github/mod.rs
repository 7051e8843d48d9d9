//! GitHub, through octocrab.
//!
//! octocrab makes requests, follows pages and classifies errors. It does not authenticate the App: it would read the
//! system clock, and it uses an older major version of the JWT crate (`app.rs` does this). Its retries are disabled,
//! because `http.rs` retries. Answers are parsed into small types of our own: octocrab's models reject a whole page
//! because of one unexpected member.

mod app;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{ACCEPT, HeaderName, HeaderValue};
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Full};
use octocrab::service::middleware::base_uri::BaseUriLayer;
use octocrab::service::middleware::extra_headers::ExtraHeadersLayer;
use octocrab::{AuthState, FromResponse, OctoBody, Octocrab, OctocrabBuilder, Page};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tower::service_fn;

use self::app::AppTokens;
use super::accounts::Accounts;
use super::catalogue::{Catalogue, InstallationAccess, RepositoryPage};
use super::config::{GithubCredentials, GithubSettings, Misconfigured};
use super::failure::{Failure, Result};
use super::http::Http;
use super::members::Members;
use super::oauth::{Endpoints, OAuth};
use crate::domain::{self, Error, Profile, ProviderInstallation, ProviderRepository, SecretText};

/// Items per page: GitHub's maximum.
const PER_PAGE: u32 = 100;

/// The maximum number of pages of one listing.
const MAX_PAGES: u32 = 50;

/// The characters that need no encoding in a path segment (RFC 3986 §2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The API version for which the code was written.
const API_VERSION: HeaderValue = HeaderValue::from_static("2022-11-28");

pub struct Github {
    oauth: OAuth,
    /// Has no credentials; each call adds its own.
    crab: Octocrab,
    app: AppTokens,
}

impl Github {
    /// # Errors
    /// A URL or the key is invalid.
    pub fn new(
        settings: &GithubSettings,
        credentials: &GithubCredentials,
        http: Arc<Http>,
    ) -> std::result::Result<Self, Misconfigured> {
        let not_a_url = |member| Misconfigured::new(member, "is not a URL");
        let endpoints = Endpoints {
            authorize: format!("{}/login/oauth/authorize", settings.web_base_url),
            token: format!("{}/login/oauth/access_token", settings.web_base_url),
        };
        let secret = &credentials.client_secret;
        let oauth = OAuth::new(endpoints, &settings.app_client_id, secret, None, http.clone())
            .map_err(|_| not_a_url("GITHUB_WEB_BASE_URL"))?;
        let crab = crab(&settings.api_base_url, http).map_err(|_| not_a_url("GITHUB_API_BASE_URL"))?;
        let app = AppTokens::new(credentials);
        let app = app.map_err(|problem| Misconfigured::new("GITHUB_APP_PEM", problem))?;
        Ok(Self { oauth, crab, app })
    }

    fn acting_as(&self, access: &SecretText) -> Result<Octocrab> {
        self.crab.user_access_token(access.reveal()).map_err(failure)
    }

    /// A call with the token of an installation. If the token was revoked early, the call is retried once with a new
    /// one.
    async fn as_installation<T: FromResponse>(&self, access: InstallationAccess<'_>, route: &str) -> Result<T> {
        let answer = self.attempt_as_installation(access, route).await;
        if !matches!(answer, Err(Failure::Rejected)) {
            return answer;
        }
        self.app.forget(access.installation);
        self.attempt_as_installation(access, route).await.map_err(app::as_service_failure)
    }

    async fn attempt_as_installation<T: FromResponse>(&self, access: InstallationAccess<'_>, route: &str) -> Result<T> {
        let token = self.app.installation_token(&self.crab, access).await?;
        self.acting_as(&token)?.get(route, None::<&()>).await.map_err(failure)
    }
}

#[async_trait]
impl Accounts for Github {
    fn oauth(&self) -> &OAuth {
        &self.oauth
    }

    async fn profile(&self, access: &SecretText) -> Result<Profile> {
        let user: wire::User = self.acting_as(access)?.get("/user", None::<&()>).await.map_err(failure)?;
        Ok(user.into())
    }

    async fn installations_of_user(&self, access: &SecretText) -> Result<Vec<ProviderInstallation>> {
        let crab = self.acting_as(access)?;
        let mut all = Vec::new();
        for page in 1..=MAX_PAGES {
            let route = format!("/user/installations?per_page={PER_PAGE}&page={page}");
            let answer: Page<wire::Installation> = crab.get(route, None::<&()>).await.map_err(failure)?;
            all.extend(answer.items.into_iter().map(ProviderInstallation::from));
            if answer.next.is_none() {
                return Ok(all);
            }
        }
        Err(Failure::unavailable("a listing has too many pages"))
    }
}

#[async_trait]
impl Catalogue for Github {
    async fn repositories(&self, access: InstallationAccess<'_>, page: u32) -> Result<RepositoryPage> {
        let route = format!("/installation/repositories?per_page={PER_PAGE}&page={page}");
        let answer: Page<wire::Repository> = self.as_installation(access, &route).await?;
        let next = answer.next.is_some().then_some(page + 1);
        Ok(RepositoryPage { repositories: answer.items.into_iter().map(ProviderRepository::from).collect(), next })
    }

    async fn repository(
        &self,
        access: InstallationAccess<'_>,
        known: &ProviderRepository,
    ) -> Result<ProviderRepository> {
        let repository: wire::Repository = self.as_installation(access, &repository_route(known)).await?;
        // The name may belong to another repository by now.
        if repository.id == known.id { Ok(repository.into()) } else { Err(Failure::NotFound) }
    }

    async fn has_file(&self, access: InstallationAccess<'_>, at: &ProviderRepository, path: &str) -> Result<bool> {
        let path: Vec<String> = path.split('/').map(segment).collect();
        let route = format!("{}/contents/{}", repository_route(at), path.join("/"));
        exists(self.as_installation::<serde_json::Value>(access, &route).await)
    }
}

#[async_trait]
impl Members for Github {
    async fn is_administrator(
        &self,
        access: InstallationAccess<'_>,
        of: &ProviderRepository,
        person: &Profile,
    ) -> Result<bool> {
        let route = format!("/orgs/{}/memberships/{}", segment(&of.owner), segment(&person.login));
        match self.as_installation::<wire::Membership>(access, &route).await {
            // The login may belong to another person by now.
            Ok(membership) => Ok(membership.is_administrator() && membership.belongs_to(person.id)),
            Err(Failure::NotFound) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn is_member(&self, access: InstallationAccess<'_>, person: &Profile) -> Result<bool> {
        let installation = self.app.installation(&self.crab, access).await.map_err(uninstalled)?;
        let account = match installation.account {
            Some(account) if account.is_person() => {
                return if account.id == Some(person.id) { Ok(true) } else { Err(Failure::Forbidden) };
            }
            account => account.and_then(|account| account.login).ok_or(Failure::Forbidden)?,
        };
        // The login may have changed, or belong to another person by now. The number stays the same.
        let route = format!("/user/{}", person.id);
        let user: wire::User = self.as_installation(access, &route).await.map_err(uninstalled)?;
        let route = format!("/orgs/{}/memberships/{}", segment(&account), segment(&user.login));
        match self.as_installation::<wire::Membership>(access, &route).await {
            Ok(membership) => Ok(membership.is_active() && membership.belongs_to(person.id)),
            Err(Failure::NotFound) => Ok(false),
            Err(failure) => Err(failure),
        }
    }
}

/// GitHub does not know the installation: the App was uninstalled. This says nothing about the memberships of people.
fn uninstalled(failure: Failure) -> Failure {
    if matches!(failure, Failure::NotFound) { Failure::Forbidden } else { failure }
}

fn crab(api_base_url: &str, http: Arc<Http>) -> domain::Result<Octocrab> {
    let base: Uri = api_base_url.parse().map_err(|error| Error::internal("parsing GitHub's URL", error))?;
    let headers = vec![
        (ACCEPT, HeaderValue::from_static("application/vnd.github+json")),
        (HeaderName::from_static("x-github-api-version"), API_VERSION),
    ];
    let transport = service_fn(move |request: Request<OctoBody>| {
        let http = http.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(Failure::unavailable)?.to_bytes();
            Ok::<_, Failure>(http.send(Request::from_parts(parts, body)).await?.map(Full::<Bytes>::new))
        }
    });
    let builder = OctocrabBuilder::new_empty().with_service(transport).with_layer(&BaseUriLayer::new(base));
    let builder = builder.with_layer(&ExtraHeadersLayer::new(Arc::new(headers))).with_auth(AuthState::None);
    match builder.build() {
        Ok(crab) => Ok(crab),
        Err(never) => match never {},
    }
}

fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

fn repository_route(repository: &ProviderRepository) -> String {
    format!("/repos/{}/{}", segment(&repository.owner), segment(&repository.name))
}

/// Whether the resource exists.
fn exists<T>(answer: Result<T>) -> Result<bool> {
    match answer {
        Ok(_) => Ok(true),
        Err(Failure::NotFound) => Ok(false),
        Err(failure) => Err(failure),
    }
}

fn failure(error: octocrab::Error) -> Failure {
    match error {
        octocrab::Error::GitHub { source, .. } => match source.status_code.as_u16() {
            401 => Failure::Rejected,
            403 => Failure::Forbidden,
            404 => Failure::NotFound,
            status => Failure::unavailable(format!("the provider answered {status}")),
        },
        octocrab::Error::Service { source, .. } => match source.downcast::<Failure>() {
            Ok(failure) => *failure,
            Err(source) => Failure::Unavailable(source),
        },
        // Its text may quote the answer.
        _ => Failure::unavailable("an answer has an unexpected shape"),
    }
}
