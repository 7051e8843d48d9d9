//! What a page of a listing says about the next one.

use axum::response::AppendHeaders;
use http::header::{HeaderName, HeaderValue, LINK};
use serde::Serialize;

use super::cursor::seal_cursor;
use super::origin::{Origin, next_link};
use crate::domain::Result;

/// The `link` header; none on the last page.
pub type PageLink = AppendHeaders<Option<(HeaderName, HeaderValue)>>;

/// The link to the page after this one: the same path, `next` sealed for `listing` as parameter `cursor`, and the
/// parameters that the next request is to repeat.
pub fn page_link(
    origin: &Origin,
    listing: &str,
    cursor: &str,
    next: Option<&impl Serialize>,
    repeated: &[(&str, &str)],
) -> Result<PageLink> {
    let Some(next) = next else { return Ok(AppendHeaders(None)) };
    let sealed = seal_cursor(listing, next)?;
    let params: Vec<_> = [(cursor, sealed.as_str())].into_iter().chain(repeated.iter().copied()).collect();
    Ok(AppendHeaders(next_link(origin, &params).map(|link| (LINK, link))))
}
