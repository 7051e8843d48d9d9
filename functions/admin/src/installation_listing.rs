//! Listings of what belongs to an installation, for administrators. GitHub and GitLab may use the same number: without
//! `vcs`, a listing shows GitHub's installation first, then GitLab's.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use terrapi::domain::{Caller, Code, Error, InstallationId, Namespace, Result, Vcs};
use terrapi::http::{ListQuery, Listed, Page, Query};
use terrapi::runtime::App;

/// A kind of thing that belongs to an installation.
pub trait InInstallation: Listed + Sized + Send {
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

/// A cursor position: the provider, and the position within its installation.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Position<A> {
    vcs: Vcs,
    after: Option<A>,
}

/// Answers with a page. `which` has `installation_id` and `vcs`.
///
/// # Errors
/// `INVALID_QUERY`, and `INVALID_CURSOR` for a cursor of another listing.
pub async fn list_in_installation<T: InInstallation>(
    app: &App,
    caller: &Caller,
    which: &Query,
    query: ListQuery,
) -> Result<Page<T>> {
    let problem = || Error::invalid_because(Code::InvalidQuery, "installation_id is a number");
    let installation = which.text("installation_id")?.and_then(InstallationId::parse).ok_or_else(problem)?;
    let wanted: Option<Vcs> = which.word("vcs")?;
    let name = format!("{}#{installation}#{wanted:?}", T::KIND);
    let mut listing = query.listing::<Position<T::After>>(app, caller, &name).await?;
    listing.repeated.insert(0, ("installation_id", installation.to_string()));
    listing.repeated.extend(wanted.map(|vcs| ("vcs", vcs.as_str().to_owned())));
    let (mut found, from) = (Vec::new(), listing.after.take());
    let wanted = Vcs::ALL.into_iter().filter(|vcs| wanted.is_none_or(|wanted| wanted == *vcs));
    for vcs in wanted.filter(|vcs| from.as_ref().is_none_or(|from| from.vcs <= *vcs)) {
        if found.len() >= listing.limit {
            return listing.page(found, Some(Position { vcs, after: None })).await;
        }
        let after = from.as_ref().filter(|from| from.vcs == vcs).and_then(|from| from.after.clone());
        let (more, next) = T::read(app, Namespace { vcs, installation }, after, listing.limit - found.len()).await?;
        found.extend(more);
        if next.is_some() {
            return listing.page(found, Some(Position { vcs, after: next })).await;
        }
    }
    listing.page(found, None).await
}
