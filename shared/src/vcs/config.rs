//! What a deployment says about its providers.

use std::collections::BTreeMap;

use crate::domain::{Error, Result, SecretText};

/// Every name that is looked up, in the environment and in the secret.
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

/// How clients reach GitHub for themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GithubSettings {
    /// OAuth client id of the App.
    pub app_client_id: String,
    /// Page of the App.
    pub app_url: String,
    /// API, without a slash at its end.
    pub api_base_url: String,
    /// Web, without a slash at its end.
    pub web_base_url: String,
}

/// How clients reach GitLab for themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitlabSettings {
    /// OAuth client id.
    pub app_id: String,
    /// API, without `/api/v4` and without a slash at its end.
    pub api_base_url: String,
    /// Web, without a slash at its end.
    pub web_base_url: String,
}

/// With what this service shows GitHub that it is the App.
#[derive(Clone, Debug)]
pub struct GithubCredentials {
    /// The App's number.
    pub app_id: String,
    /// Its private key.
    pub pem: SecretText,
    /// Its OAuth secret.
    pub client_secret: SecretText,
}

/// With what this service shows GitLab who it is.
#[derive(Clone, Debug)]
pub struct GitlabCredentials {
    /// The OAuth secret.
    pub app_secret: SecretText,
    /// The token of the account that posts comments, if there is one.
    pub access_token: Option<SecretText>,
}

/// The providers that are configured.
#[derive(Clone, Debug, Default)]
pub struct ProviderConfig {
    /// GitHub.
    pub github: Option<(GithubSettings, GithubCredentials)>,
    /// GitLab.
    pub gitlab: Option<(GitlabSettings, GitlabCredentials)>,
}

impl ProviderConfig {
    /// Reads what is there. A provider is configured when its OAuth client id is.
    ///
    /// # Errors
    /// Internal: a provider is configured and something it needs is missing; the log names it.
    pub fn read(values: &BTreeMap<String, SecretText>) -> Result<Self> {
        let find = |name: &str| values.get(name).filter(|value| !value.reveal().is_empty()).cloned();
        let plain = |name: &str| find(name).map(|value| value.reveal().to_owned());
        let url = |name: &str, default: &str| {
            plain(name).unwrap_or_else(|| default.to_owned()).trim_end_matches('/').to_owned()
        };
        let need = |name: &str| {
            let missing = || Error::internal("reading the providers' settings", format!("{name} is not set"));
            find(name).ok_or_else(missing)
        };
        let github = |app_client_id| {
            let settings = GithubSettings {
                app_client_id,
                app_url: url("GITHUB_APP_URL", "https://github.com/apps/terrateam-action"),
                api_base_url: url("GITHUB_API_BASE_URL", "https://api.github.com"),
                web_base_url: url("GITHUB_WEB_BASE_URL", "https://github.com"),
            };
            let credentials = GithubCredentials {
                app_id: need("GITHUB_APP_ID")?.reveal().to_owned(),
                pem: need("GITHUB_APP_PEM")?,
                client_secret: need("GITHUB_APP_CLIENT_SECRET")?,
            };
            Ok::<_, Error>((settings, credentials))
        };
        let gitlab = |app_id| {
            let settings = GitlabSettings {
                app_id,
                api_base_url: url("GITLAB_API_BASE_URL", "https://gitlab.com"),
                web_base_url: url("GITLAB_WEB_BASE_URL", "https://gitlab.com"),
            };
            let app_secret = need("GITLAB_APP_SECRET")?;
            Ok::<_, Error>((settings, GitlabCredentials { app_secret, access_token: find("GITLAB_ACCESS_TOKEN") }))
        };
        Ok(Self {
            github: plain("GITHUB_APP_CLIENT_ID").map(github).transpose()?,
            gitlab: plain("GITLAB_APP_ID").map(gitlab).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, SecretText> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), SecretText::new((*value).to_owned()))).collect()
    }

    #[test]
    fn a_provider_without_its_client_id_is_not_configured() {
        let none = ProviderConfig::read(&values(&[("GITHUB_APP_ID", "1"), ("GITLAB_APP_ID", "")])).unwrap();
        assert!(none.github.is_none() && none.gitlab.is_none());
    }

    #[test]
    fn what_a_configured_provider_lacks_is_named() {
        let error = ProviderConfig::read(&values(&[("GITLAB_APP_ID", "1")])).unwrap_err();
        let source = std::error::Error::source(&error).map(ToString::to_string);
        assert_eq!(source.as_deref(), Some("GITLAB_APP_SECRET is not set"));
    }

    #[test]
    fn the_public_sites_stand_in_where_no_address_is_given() {
        let pairs =
            [("GITLAB_APP_ID", "app"), ("GITLAB_APP_SECRET", "hush"), ("GITLAB_WEB_BASE_URL", "https://g.test/")];
        let config = ProviderConfig::read(&values(&pairs)).unwrap();
        let (settings, credentials) = config.gitlab.unwrap();
        assert_eq!(
            (settings.api_base_url.as_str(), settings.web_base_url.as_str()),
            ("https://gitlab.com", "https://g.test")
        );
        assert!(!format!("{credentials:?}").contains("hush"));
    }
}
