//! GitHub and GitLab, as far as this service talks to them, behind one trait.
//!
//! One HTTP client for both, with limits on time and size (`http.rs`), one flow for sign-in (`oauth.rs`). [`Provider`] is
//! a trait object: a function that never makes [`Providers`] of a [`ProviderConfig`] links none of this. Nothing here
//! stores anything or decides who may do what.

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
