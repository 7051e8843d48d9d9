//! Listings of what belongs to an installation, for administrators. GitHub and GitLab may use the same number: without
//! `vcs`, a listing shows GitHub's installation first, then GitLab's.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use terrapi::domain::{Caller, Code, Error, InstallationId, Namespace, Result, Vcs};
use terrapi::http::{Listing, NextPage, Origin, Query};
use terrapi::runtime::App;

/// A kind of thing that belongs to an installation.
pub trait InInstallation: Sized + Send {
    /// Names the listing. Cursors are bound to it.
    const KIND: &'static str;
    /// The cursor position within one installation.
    type After: Serialize + DeserializeOwned + Clone + Send + Sync;

    /// A page of one installation, and the position of the next one.
    fn read(
        app: &App,
        namespace: Namespace,
        after: Option<Self::After>,
        limit: usize,
    ) -> impl Future<Output = Result<(Vec<Self>, Option<Self::After>)>> + Send;
}

/// A request for a page.
pub struct InstallationListing<'a, T: InInstallation> {
    app: &'a App,
    installation: InstallationId,
    vcs: Option<Vcs>,
    limit: usize,
    from: Option<Position<T::After>>,
    listing: Listing<'a>,
}

/// A cursor position: the provider, and the position within its installation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Position<A> {
    vcs: Vcs,
    after: Option<A>,
}

impl<'a, T: InInstallation> InstallationListing<'a, T> {
    /// Reads `installation_id`, `vcs`, `limit` and `page`.
    ///
    /// # Errors
    /// `INVALID_QUERY`, and `INVALID_CURSOR` for a cursor of another listing.
    pub async fn read(app: &'a App, caller: &Caller, query: &Query) -> Result<Self> {
        let problem = || Error::invalid_because(Code::InvalidQuery, "installation_id is a number");
        let installation = query.text("installation_id")?.and_then(InstallationId::parse).ok_or_else(problem)?;
        let vcs: Option<Vcs> = query.word("vcs")?;
        let listing = Listing::new(app, caller, &format!("{}#{installation}#{vcs:?}", T::KIND));
        let limit = query.limit(20, 100)?;
        let from = listing.start(query).await?;
        Ok(Self { app, installation, vcs, limit, from, listing })
    }

    /// The page, and the position of the next one.
    pub async fn page(&self) -> Result<(Vec<T>, Option<Position<T::After>>)> {
        let (mut found, installation) = (Vec::new(), self.installation);
        let wanted = Vcs::ALL.into_iter().filter(|vcs| self.vcs.is_none_or(|wanted| wanted == *vcs));
        for vcs in wanted.filter(|vcs| self.from.as_ref().is_none_or(|from| from.vcs <= *vcs)) {
            let after = self.from.as_ref().filter(|from| from.vcs == vcs).and_then(|from| from.after.clone());
            if found.len() >= self.limit {
                return Ok((found, Some(Position { vcs, after: None })));
            }
            let (more, next) =
                T::read(self.app, Namespace { vcs, installation }, after, self.limit - found.len()).await?;
            found.extend(more);
            if next.is_some() {
                return Ok((found, Some(Position { vcs, after: next })));
            }
        }
        Ok((found, None))
    }

    /// The link to the next page.
    pub async fn next(&self, origin: &Origin, next: Option<&Position<T::After>>) -> Result<NextPage> {
        let (installation, limit) = (self.installation.to_string(), self.limit.to_string());
        let mut repeated = vec![("installation_id", installation.as_str()), ("limit", limit.as_str())];
        repeated.extend(self.vcs.map(|vcs| ("vcs", vcs.as_str())));
        self.listing.next_page(origin, next, &repeated).await
    }
}
