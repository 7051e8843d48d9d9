//! Clients for GitHub and GitLab behind small traits: [`Accounts`], [`Catalogue`], [`Members`] and [`Groups`].
//!
//! Both use one HTTP client with limits on time and size (`http.rs`) and one sign-in flow (`oauth.rs`). [`Providers`]
//! holds trait objects: a function that never creates [`Providers`] from a [`ProviderConfig`] links none of this. Nothing
//! here stores data or decides who may do what.

mod accounts;
mod catalogue;
mod config;
mod failure;
mod github;
mod gitlab;
mod groups;
mod http;
mod members;
mod oauth;
mod providers;

pub use accounts::Accounts;
pub use catalogue::{Catalogue, InstallationAccess, RepositoryPage};
pub use config::{GithubSettings, GitlabSettings, Misconfigured, ProviderConfig, VARIABLES};
pub use failure::{Failure, Result};
pub use groups::Groups;
pub use http::{AnswerLimits, Pause, real_pause};
pub use members::Members;
pub use oauth::{OAuth, SignIn};
pub use providers::{Provider, Providers, Sealing};
