//! The configuration of the providers.

use std::collections::BTreeMap;

use http::Uri;

use crate::domain::SecretText;

/// All names that are looked up in the environment and in the secret.
pub const VARIABLES: [&str; 14] = [
    "GITHUB_APP_ID",
    "GITHUB_APP_PEM",
    "GITHUB_APP_CLIENT_ID",
    "GITHUB_APP_CLIENT_SECRET",
    "GITHUB_API_BASE_URL",
    "GITHUB_WEB_BASE_URL",
    "GITHUB_APP_URL",
    "GITLAB_APP_ID",
    "GITLAB_APP_SECRET",
    "GITLAB_ACCESS_TOKEN",
    "GITLAB_API_BASE_URL",
    "GITLAB_WEB_BASE_URL",
    "TOKEN_SEALING_KEY",
    "RETIRED_TOKEN_SEALING_KEY",
];

/// The public settings of GitHub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GithubSettings {
    /// The OAuth client id of the App.
    pub app_client_id: String,
    /// The App's page. `None` if it is not configured.
    pub app_url: Option<String>,
    /// The API's URL, without a trailing slash.
    pub api_base_url: String,
    /// The web site's URL, without a trailing slash.
    pub web_base_url: String,
}

/// The public settings of GitLab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitlabSettings {
    /// The OAuth client id.
    pub app_id: String,
    /// The API's URL, without `/api/v4` and without a trailing slash.
    pub api_base_url: String,
    /// The web site's URL, without a trailing slash.
    pub web_base_url: String,
}

/// The credentials with which this service authenticates as the GitHub App.
#[derive(Clone, Debug)]
pub struct GithubCredentials {
    /// The App's number.
    pub app_id: String,
    pub pem: SecretText,
    pub client_secret: SecretText,
}

/// The credentials with which this service authenticates at GitLab.
#[derive(Clone, Debug)]
pub struct GitlabCredentials {
    pub app_secret: SecretText,
    /// The access token of this service's own account, if there is one.
    pub access_token: Option<SecretText>,
}

/// Why a provider that should be configured cannot be used: one setting and its problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{member} {problem}")]
pub struct Misconfigured {
    /// The variable, or the member of the secret.
    pub member: &'static str,
    /// The problem, as the predicate of a sentence. Never contains the value.
    pub problem: &'static str,
}

impl Misconfigured {
    pub(super) const fn new(member: &'static str, problem: &'static str) -> Self {
        Self { member, problem }
    }
}

pub type Configured<S, C> = Result<(S, C), Misconfigured>;

/// The providers of which a client id or a credential is set.
#[derive(Clone, Debug, Default)]
pub struct ProviderConfig {
    pub github: Option<Configured<GithubSettings, GithubCredentials>>,
    pub gitlab: Option<Configured<GitlabSettings, GitlabCredentials>>,
}

impl ProviderConfig {
    /// Reads the settings. A missing or invalid setting affects only its own provider.
    pub fn read(values: &BTreeMap<String, SecretText>) -> Self {
        let values = Values(values);
        let github = |app_client_id| {
            let settings = GithubSettings {
                app_client_id,
                app_url: values.app_url(),
                api_base_url: values.url("GITHUB_API_BASE_URL", "https://api.github.com")?,
                web_base_url: values.url("GITHUB_WEB_BASE_URL", "https://github.com")?,
            };
            let credentials = GithubCredentials {
                app_id: values.need("GITHUB_APP_ID")?.reveal().to_owned(),
                pem: values.need("GITHUB_APP_PEM")?,
                client_secret: values.need("GITHUB_APP_CLIENT_SECRET")?,
            };
            Ok((settings, credentials))
        };
        let gitlab = |app_id| {
            let settings = GitlabSettings {
                app_id,
                api_base_url: values.url("GITLAB_API_BASE_URL", "https://gitlab.com")?,
                web_base_url: values.url("GITLAB_WEB_BASE_URL", "https://gitlab.com")?,
            };
            let app_secret = values.need("GITLAB_APP_SECRET")?;
            Ok((settings, GitlabCredentials { app_secret, access_token: values.find("GITLAB_ACCESS_TOKEN") }))
        };
        Self {
            github: values.client_id("GITHUB_APP_CLIENT_ID", &GITHUB_CREDENTIALS).map(|id| id.and_then(github)),
            gitlab: values.client_id("GITLAB_APP_ID", &GITLAB_CREDENTIALS).map(|id| id.and_then(gitlab)),
        }
    }

    /// Disables the providers that are absent, because what configures them could not be read.
    pub fn disable_absent(&mut self, problem: Misconfigured) {
        self.github.get_or_insert(Err(problem));
        self.gitlab.get_or_insert(Err(problem));
    }
}

// Where one of these is set, the provider is meant to be used.
const GITHUB_CREDENTIALS: [&str; 3] = ["GITHUB_APP_ID", "GITHUB_APP_PEM", "GITHUB_APP_CLIENT_SECRET"];
const GITLAB_CREDENTIALS: [&str; 2] = ["GITLAB_APP_SECRET", "GITLAB_ACCESS_TOKEN"];

struct Values<'a>(&'a BTreeMap<String, SecretText>);

impl Values<'_> {
    /// A value; an empty one counts as absent.
    fn find(&self, name: &str) -> Option<SecretText> {
        self.0.get(name).filter(|value| !value.reveal().is_empty()).cloned()
    }

    fn plain(&self, name: &str) -> Option<String> {
        self.find(name).map(|value| value.reveal().to_owned())
    }

    /// A provider's client id. `None`: neither it nor one of the provider's credentials is set.
    fn client_id(&self, name: &'static str, credentials: &[&str]) -> Option<Result<String, Misconfigured>> {
        let begun = credentials.iter().any(|credential| self.find(credential).is_some());
        let missing = || begun.then_some(Err(Misconfigured::new(name, "is not set")));
        self.plain(name).map(Ok).or_else(missing)
    }

    fn need(&self, name: &'static str) -> Result<SecretText, Misconfigured> {
        self.find(name).ok_or(Misconfigured::new(name, "is not set"))
    }

    /// A URL without a trailing slash.
    fn url(&self, name: &'static str, default: &str) -> Result<String, Misconfigured> {
        let Some(text) = self.plain(name) else { return Ok(default.to_owned()) };
        let url = text.trim_end_matches('/');
        is_url(url).then(|| url.to_owned()).ok_or(Misconfigured::new(name, "is not an http(s) URL"))
    }

    /// The App's page. An invalid value is logged and ignored, because nothing depends on it.
    fn app_url(&self) -> Option<String> {
        let page = self.plain("GITHUB_APP_URL")?;
        let usable = is_url(&page);
        if !usable {
            tracing::error!("GITHUB_APP_URL is not an http(s) URL and is ignored");
        }
        usable.then_some(page)
    }
}

fn is_url(text: &str) -> bool {
    text.parse::<Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, SecretText> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), SecretText::new((*value).to_owned()))).collect()
    }

    #[test]
    fn provider_without_client_id_and_credentials_is_absent() {
        let none = ProviderConfig::read(&values(&[("GITHUB_API_BASE_URL", "http://g.test"), ("GITLAB_APP_ID", "")]));
        assert!(none.github.is_none() && none.gitlab.is_none());
    }

    #[test]
    fn credential_without_client_id_is_a_misconfiguration() {
        let github = GITHUB_CREDENTIALS.map(|name| (name, "GITHUB_APP_CLIENT_ID is not set"));
        let gitlab = GITLAB_CREDENTIALS.map(|name| (name, "GITLAB_APP_ID is not set"));
        for (credential, expected) in github.into_iter().chain(gitlab) {
            let config = ProviderConfig::read(&values(&[(credential, "x")]));
            let (github, gitlab) = (config.github.and_then(Result::err), config.gitlab.and_then(Result::err));
            let problems: Vec<_> = github.into_iter().chain(gitlab).map(|problem| problem.to_string()).collect();
            assert_eq!(problems, [expected]);
        }
    }

    #[test]
    fn missing_or_unreadable_member_is_named() {
        let github = |extra: &[(&str, &str)]| {
            let all = [
                ("GITHUB_APP_CLIENT_ID", "Iv1.a"),
                ("GITHUB_APP_ID", "1"),
                ("GITHUB_APP_PEM", "pem"),
                ("GITHUB_APP_CLIENT_SECRET", "hush"),
            ];
            ProviderConfig::read(&values(&[&all, extra].concat())).github.unwrap().map(|(settings, _)| settings)
        };
        let problem = |member, value| github(&[(member, value)]).unwrap_err().to_string();
        for member in ["GITHUB_APP_ID", "GITHUB_APP_PEM", "GITHUB_APP_CLIENT_SECRET"] {
            assert_eq!(problem(member, ""), format!("{member} is not set"));
        }
        for url in ["github.example.com", "ftp://github.example.com", "https://", "https://a b"] {
            assert_eq!(problem("GITHUB_WEB_BASE_URL", url), "GITHUB_WEB_BASE_URL is not an http(s) URL", "{url}");
        }
        assert_eq!(github(&[]).unwrap().app_url, None, "no link to an App that is not this one");
        assert_eq!(github(&[("GITHUB_APP_URL", "javascript:alert(1)")]).unwrap().app_url, None);
        let page = "https://github.com/apps/example";
        assert_eq!(github(&[("GITHUB_APP_URL", page)]).unwrap().app_url.as_deref(), Some(page));
    }

    #[test]
    fn misconfigured_provider_does_not_disable_the_other() {
        let pairs = [("GITHUB_APP_CLIENT_ID", "a"), ("GITLAB_APP_ID", "app"), ("GITLAB_APP_SECRET", "hush")];
        let config = ProviderConfig::read(&values(&pairs));
        assert!(config.github.unwrap().is_err() && config.gitlab.unwrap().is_ok());
    }

    #[test]
    fn missing_urls_default_to_the_public_sites() {
        let pairs =
            [("GITLAB_APP_ID", "app"), ("GITLAB_APP_SECRET", "hush"), ("GITLAB_WEB_BASE_URL", "https://g.test/")];
        let config = ProviderConfig::read(&values(&pairs));
        let (settings, credentials) = config.gitlab.unwrap().unwrap();
        assert_eq!(
            (settings.api_base_url.as_str(), settings.web_base_url.as_str()),
            ("https://gitlab.com", "https://g.test")
        );
        assert!(!format!("{credentials:?}").contains("hush"));
    }
}
