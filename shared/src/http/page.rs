//! What a page of a listing says about the next one.

use axum::response::AppendHeaders;
use http::header::{HeaderName, HeaderValue, LINK};
use serde::Serialize;

use super::cursor::seal_cursor;
use super::origin::{Origin, next_link};
use crate::domain::Result;

/// How a caller reaches the page after this one.
pub struct NextPage {
    /// The `link` header; none on the last page.
    pub link: AppendHeaders<Option<(HeaderName, HeaderValue)>>,
    /// The cursor in that link, for clients that do not read headers; `None` on the last page.
    pub cursor: Option<String>,
}

/// The way to the page that begins after `next`: the same path with `next` sealed for `listing` as the parameter
/// `parameter`, and the parameters that the next request must repeat.
pub fn next_page(
    origin: &Origin,
    listing: &str,
    parameter: &str,
    next: Option<&impl Serialize>,
    repeated: &[(&str, &str)],
) -> Result<NextPage> {
    let cursor = next.map(|next| seal_cursor(listing, next)).transpose()?;
    Ok(NextPage::at(origin, parameter, cursor, repeated))
}

impl NextPage {
    /// The way to the page of a cursor that is sealed already.
    pub fn at(origin: &Origin, parameter: &str, cursor: Option<String>, repeated: &[(&str, &str)]) -> Self {
        let Some(sealed) = &cursor else { return Self { link: AppendHeaders(None), cursor } };
        let params: Vec<_> = [(parameter, sealed.as_str())].into_iter().chain(repeated.iter().copied()).collect();
        let link = AppendHeaders(next_link(origin, &params).map(|link| (LINK, link)));
        Self { link, cursor }
    }
}
