//! Clients for GitHub and GitLab behind one trait.
//!
//! Both use one HTTP client with limits on time and size (`http.rs`) and one sign-in flow (`oauth.rs`). [`Provider`] is
//! a trait object: a function that never creates [`Providers`] from a [`ProviderConfig`] links none of this. Nothing
//! here stores data or decides who may do what.

mod config;
mod failure;
mod github;
mod gitlab;
mod http;
mod oauth;
mod provider;
mod providers;

pub use config::{GithubSettings, GitlabSettings, Misconfigured, ProviderConfig, VARIABLES};
pub use failure::{Failure, Result};
pub use http::{AnswerLimits, Pause, real_pause};
pub use oauth::{OAuth, SignIn};
pub use provider::{InstallationAccess, Provider, RepositoryPage};
pub use providers::{Providers, Sealing};
