//! GitHub, through octocrab.
//!
//! octocrab makes requests, reads pages and sorts errors. It does not authenticate the App: it would take the time from
//! the machine, and its JWT crate is an older major version of ours (`app.rs` does it). Its own retries stay off, because
//! `http.rs` has them. Answers are read into our own small types: its models refuse a whole page over one odd member.

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
use super::config::{GithubCredentials, GithubSettings, Misconfigured};
use super::failure::{Failure, Result};
use super::http::Http;
use super::oauth::{Endpoints, OAuth};
use super::provider::{InstallationAccess, Provider, RepositoryPage};
use crate::domain::{self, Error, Profile, ProviderInstallation, ProviderRepository, SecretText};

/// Things on a page: GitHub's maximum.
const PER_PAGE: u32 = 100;

/// Pages of one listing, at most.
const MAX_PAGES: u32 = 50;

/// What may stand in a path segment as it is (RFC 3986 §2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The version of the API that the code was written for.
const API_VERSION: HeaderValue = HeaderValue::from_static("2022-11-28");

/// GitHub.
pub struct Github {
    oauth: OAuth,
    /// Without credentials: each call brings its own.
    crab: Octocrab,
    app: AppTokens,
}

impl Github {
    /// # Errors
    /// An address or the key cannot be read.
    pub fn new(
        settings: &GithubSettings,
        credentials: &GithubCredentials,
        http: Arc<Http>,
    ) -> std::result::Result<Self, Misconfigured> {
        let no_address = |member| Misconfigured::new(member, "is not an address");
        let endpoints = Endpoints {
            authorize: format!("{}/login/oauth/authorize", settings.web_base_url),
            token: format!("{}/login/oauth/access_token", settings.web_base_url),
        };
        let secret = &credentials.client_secret;
        let oauth = OAuth::new(endpoints, &settings.app_client_id, secret, None, http.clone())
            .map_err(|_| no_address("GITHUB_WEB_BASE_URL"))?;
        let crab = crab(&settings.api_base_url, http).map_err(|_| no_address("GITHUB_API_BASE_URL"))?;
        let app = AppTokens::new(credentials);
        let app = app.map_err(|problem| Misconfigured::new("GITHUB_APP_PEM", problem))?;
        Ok(Self { oauth, crab, app })
    }

    fn acting_as(&self, access: &SecretText) -> Result<Octocrab> {
        self.crab.user_access_token(access.reveal()).map_err(failure)
    }

    /// A call as the installation. A token that was revoked early is replaced once.
    async fn as_installation<T: FromResponse>(&self, access: InstallationAccess<'_>, route: &str) -> Result<T> {
        let answer = self.attempt_as_installation(access, route).await;
        if !matches!(answer, Err(Failure::Rejected)) {
            return answer;
        }
        self.app.forget(access.installation);
        self.attempt_as_installation(access, route).await.map_err(app::not_the_persons_fault)
    }

    async fn attempt_as_installation<T: FromResponse>(&self, access: InstallationAccess<'_>, route: &str) -> Result<T> {
        let token = self.app.installation_token(&self.crab, access).await?;
        self.acting_as(&token)?.get(route, None::<&()>).await.map_err(failure)
    }
}

#[async_trait]
impl Provider for Github {
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
        Err(Failure::away("a listing of more pages than we read"))
    }

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
        // A name may have been given to another repository meanwhile.
        if repository.id == known.id { Ok(repository.into()) } else { Err(Failure::NotFound) }
    }

    async fn has_file(&self, access: InstallationAccess<'_>, at: &ProviderRepository, path: &str) -> Result<bool> {
        let path: Vec<String> = path.split('/').map(segment).collect();
        let route = format!("{}/contents/{}", repository_route(at), path.join("/"));
        present(self.as_installation::<serde_json::Value>(access, &route).await)
    }

    async fn is_administrator(
        &self,
        access: InstallationAccess<'_>,
        of: &ProviderRepository,
        person: &Profile,
    ) -> Result<bool> {
        let route = format!("/orgs/{}/memberships/{}", segment(&of.owner), segment(&person.login));
        match self.as_installation::<wire::Membership>(access, &route).await {
            // A login may have changed hands since the person signed in.
            Ok(membership) => Ok(membership.administers() && membership.is_of(person.id)),
            Err(Failure::NotFound) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn is_installed(&self, access: InstallationAccess<'_>) -> Result<bool> {
        present(self.app.installation(&self.crab, access).await)
    }

    async fn is_member(&self, access: InstallationAccess<'_>, person: &Profile) -> Result<bool> {
        let installation = self.app.installation(&self.crab, access).await.map_err(uninstalled)?;
        let account = match installation.account {
            Some(account) if account.is_person() => {
                return if account.id == Some(person.id) { Ok(true) } else { Err(Failure::Forbidden) };
            }
            account => account.and_then(|account| account.login).ok_or(Failure::Forbidden)?,
        };
        // A login may have changed, or changed hands, since the person signed in; the number has not.
        let route = format!("/user/{}", person.id);
        let user: wire::User = self.as_installation(access, &route).await.map_err(uninstalled)?;
        let route = format!("/orgs/{}/memberships/{}", segment(&account), segment(&user.login));
        match self.as_installation::<wire::Membership>(access, &route).await {
            Ok(membership) => Ok(membership.is_active() && membership.is_of(person.id)),
            Err(Failure::NotFound) => Ok(false),
            Err(failure) => Err(failure),
        }
    }
}

/// GitHub knows no such installation: the App was removed there. That says nothing about the people who were in it.
fn uninstalled(failure: Failure) -> Failure {
    if matches!(failure, Failure::NotFound) { Failure::Forbidden } else { failure }
}

fn crab(api_base_url: &str, http: Arc<Http>) -> domain::Result<Octocrab> {
    let base: Uri = api_base_url.parse().map_err(|error| Error::internal("reading GitHub's address", error))?;
    let headers = vec![
        (ACCEPT, HeaderValue::from_static("application/vnd.github+json")),
        (HeaderName::from_static("x-github-api-version"), API_VERSION),
    ];
    let transport = service_fn(move |request: Request<OctoBody>| {
        let http = http.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(Failure::away)?.to_bytes();
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

/// Whether there is such a thing.
fn present<T>(answer: Result<T>) -> Result<bool> {
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
            status => Failure::away(format!("it answers {status}")),
        },
        octocrab::Error::Service { source, .. } => match source.downcast::<Failure>() {
            Ok(failure) => *failure,
            Err(source) => Failure::Unavailable(source),
        },
        // Its text may quote the answer.
        _ => Failure::away("an answer of another shape"),
    }
}
