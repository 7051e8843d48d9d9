//! Path parameters, percent-decoded exactly once.

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;

use super::error::ApiError;
use super::event::has_broken_escape;
use crate::domain::kv::Key;
use crate::domain::{Code, Error, InstallationId, Namespace, Result, Vcs};

/// The parameters of the matched route.
pub struct PathParams(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for PathParams {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        if has_broken_escape(parts.uri.path()) {
            return Err(Error::invalid_because(Code::InvalidPath, "a percent escape is broken").into());
        }
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|_| Error::invalid_because(Code::InvalidPath, "the path is not UTF-8"))?;
        Ok(Self(params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()))
    }
}

impl PathParams {
    /// A parameter's text. Empty if the route has no such parameter.
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// `{vcs}`, which routing has checked already.
    pub fn vcs(&self) -> Result<Vcs> {
        Vcs::parse(self.text("vcs")).ok_or(Error::NotFound)
    }

    /// `{installation_id}`.
    pub fn installation(&self) -> Result<InstallationId> {
        let problem = || Error::invalid_because(Code::InvalidPath, "an installation is a number");
        InstallationId::parse(self.text("installation_id")).ok_or_else(problem)
    }

    /// `{id}` or `{installation_id}` of a path for GitLab.
    pub fn group(&self) -> Result<Namespace> {
        let name = if self.has("id") { "id" } else { "installation_id" };
        let problem = || Error::invalid_because(Code::InvalidPath, "a group is a number");
        let installation = InstallationId::parse(self.text(name)).ok_or_else(problem)?;
        Ok(Namespace { vcs: Vcs::Gitlab, installation })
    }

    /// `{vcs}` and `{installation_id}`. Older paths have no `{vcs}` and mean GitHub.
    pub fn namespace(&self) -> Result<Namespace> {
        let vcs = if self.has("vcs") { self.vcs()? } else { Vcs::Github };
        Ok(Namespace { vcs, installation: self.installation()? })
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// `{*key}`: the rest of the path, slashes included.
    pub fn key(&self) -> Result<Key> {
        Key::new(self.text("key"))
    }
}
