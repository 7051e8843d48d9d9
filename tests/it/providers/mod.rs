//! The clients of GitHub and GitLab, and the secret that configures them.

mod authorization_codes;
mod github_reads;
mod gitlab_reads;
pub mod misconfigured;
mod unavailable;
mod unlogged_tokens;
mod unusable_secret;
