//! Listings by pages: where a page begins, and what it says about the next one.

use axum::response::AppendHeaders;
use http::header::{HeaderName, HeaderValue, LINK};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::cursor::{open_cursor, seal_cursor};
use super::origin::{Origin, next_link};
use super::query::Query;
use crate::domain::{Caller, Code, Error, Result};
use crate::runtime::App;

/// Every position is filled up to this many bytes, so that a cursor's length tells nothing about what stands at it. The
/// longest is that of an API key whose name has 256 bytes.
const POSITION_BYTES: usize = 640;

/// How a caller reaches the page after this one.
pub struct NextPage {
    /// The `link` header; none on the last page.
    pub link: AppendHeaders<Option<(HeaderName, HeaderValue)>>,
    /// The cursor in that link, for clients that do not read headers; `None` on the last page.
    pub cursor: Option<String>,
}

impl NextPage {
    /// The way to the page of a cursor: the same path with it as the parameter `parameter`, and the parameters that the next
    /// request must repeat.
    pub fn at(origin: &Origin, parameter: &str, cursor: Option<String>, repeated: &[(&str, &str)]) -> Self {
        let Some(sealed) = &cursor else { return Self { link: AppendHeaders(None), cursor } };
        let params: Vec<_> = [(parameter, sealed.as_str())].into_iter().chain(repeated.iter().copied()).collect();
        let link = AppendHeaders(next_link(origin, &params).map(|link| (LINK, link)));
        Self { link, cursor }
    }
}

/// A listing whose pages are asked for with `page`. A cursor opens in the listing that it belongs to, and for the user to
/// whom it was given.
pub struct Listing<'a> {
    app: &'a App,
    bound_to: String,
}

impl<'a> Listing<'a> {
    /// `name` is a text that no two listings share. It holds the listing's filters.
    pub fn new(app: &'a App, caller: &Caller, name: &str) -> Self {
        Self { app, bound_to: format!("{}#{name}", caller.user) }
    }

    /// The position behind which the page begins that a query asks for; `None` for the first page.
    ///
    /// # Errors
    /// [`Code::InvalidCursor`] for a text that is no cursor of this listing and caller.
    pub async fn start<T: DeserializeOwned>(&self, query: &Query) -> Result<Option<T>> {
        let Some(cursor) = query.text("page")? else { return Ok(None) };
        let position = open_cursor(self.app, &self.bound_to, cursor).await?;
        serde_json::from_slice(&position).map(Some).map_err(|_| Error::invalid(Code::InvalidCursor))
    }

    /// The way to the page that begins behind `next`; see [`NextPage::at`] for `repeated`.
    pub async fn next_page<T: Serialize + Sync>(
        &self,
        origin: &Origin,
        next: Option<&T>,
        repeated: &[(&str, &str)],
    ) -> Result<NextPage> {
        let cursor = match next {
            Some(position) => Some(self.seal(position).await?),
            None => None,
        };
        Ok(NextPage::at(origin, "page", cursor, repeated))
    }

    /// The cursor of a position.
    pub async fn seal<T: Serialize + Sync>(&self, position: &T) -> Result<String> {
        let mut text = serde_json::to_vec(position).map_err(|error| Error::internal("writing a cursor", error))?;
        // White space behind a JSON text does not change it.
        text.resize(text.len().max(POSITION_BYTES), b' ');
        seal_cursor(self.app, &self.bound_to, &text).await
    }
}
