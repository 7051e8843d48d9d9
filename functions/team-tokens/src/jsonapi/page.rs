//! Pages by number.

use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use terrapi::http::Origin;
use utoipa::{IntoParams, ToSchema};

use super::Problem;

const DEFAULT_SIZE: usize = 20;
const MAX_SIZE: usize = 100;

const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The query's parameters in the order they were sent. Brackets in their names may be encoded or not.
pub struct Parameters(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        query.map(|Query(pairs)| Self(pairs)).map_err(|_| Problem::bad_request("The query cannot be read"))
    }
}

impl Parameters {
    /// The first of a name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every one of a name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A number above zero; anything else is as if it were not there.
    fn number(&self, name: &str) -> Option<usize> {
        let text = self.text(name)?;
        let huge = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().or(huge.then_some(usize::MAX)).filter(|number| *number > 0)
    }

    /// Whether a page was asked for.
    pub fn ask_for_a_page(&self) -> bool {
        self.0.iter().any(|(name, _)| name.starts_with("page["))
    }
}

/// What pages are asked for by.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description: handlers take Parameters")]
pub struct PageParams {
    /// The page, from 1. Anything that is no such number counts as 1; a page past the end is empty.
    #[param(rename = "page[number]", example = 1)]
    number: Option<i64>,
    /// Things on a page: 20 when absent, at most 100.
    #[param(rename = "page[size]", example = 20)]
    size: Option<i64>,
}

/// A page of things.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListDocument<T> {
    /// The things on this page.
    pub data: Vec<T>,
    /// The way to other pages.
    pub links: Links,
    /// How many there are.
    pub meta: Meta,
}

/// The way to other pages: the same address with another `page[number]`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Links {
    /// This page.
    #[serde(rename = "self")]
    own: String,
    /// The first page.
    first: String,
    /// The page before; none before the first.
    prev: Option<String>,
    /// The page after; none after the last.
    next: Option<String>,
    /// The last page.
    last: String,
}

/// How many there are.
#[derive(Debug, Serialize, ToSchema)]
pub struct Meta {
    /// Of what is on the pages.
    pagination: Pagination,
}

/// Where a page stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Pagination {
    /// This page.
    current_page: usize,
    /// Things on a page.
    page_size: usize,
    /// The page before.
    prev_page: Option<usize>,
    /// The page after.
    next_page: Option<usize>,
    /// How many pages there are, at least 1.
    total_pages: usize,
    /// How many things there are.
    total_count: usize,
}

/// A page that was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    number: usize,
    size: usize,
}

impl Page {
    /// The page that a query asks for.
    pub fn of(parameters: &Parameters) -> Self {
        let number = parameters.number("page[number]").unwrap_or(1);
        let size = parameters.number("page[size]").unwrap_or(DEFAULT_SIZE).min(MAX_SIZE);
        Self { number, size }
    }

    /// One page with everything on it.
    pub fn whole(count: usize) -> Self {
        Self { number: 1, size: count.max(DEFAULT_SIZE) }
    }

    /// The part of `all` that is on this page; past the end, none.
    pub fn cut<T>(self, all: Vec<T>) -> (usize, Vec<T>) {
        let count = all.len();
        let before = (self.number - 1).saturating_mul(self.size);
        (count, all.into_iter().skip(before).take(self.size).collect())
    }

    /// The document of this page. Its links repeat the parameters named in `repeated`.
    pub fn document<T>(
        self,
        origin: &Origin,
        parameters: &Parameters,
        repeated: &[&str],
        (count, data): (usize, Vec<T>),
    ) -> ListDocument<T> {
        let last = count.div_ceil(self.size).max(1);
        let prev = (self.number > 1).then(|| (self.number - 1).min(last));
        let next = (self.number < last).then(|| self.number + 1);
        let rest: Vec<_> = parameters.0.iter().filter(|(name, _)| repeated.contains(&name.as_str())).collect();
        let link = |number: usize| {
            let page = [("page[number]", number.to_string()), ("page[size]", self.size.to_string())];
            let rest = rest.iter().map(|(name, value)| (name.as_str(), value.clone()));
            let encode = |text: &str| utf8_percent_encode(text, QUERY).to_string();
            let pairs = rest.chain(page).map(|(name, value)| format!("{}={}", encode(name), encode(&value)));
            origin.url(&format!("{}?{}", origin.path(), pairs.collect::<Vec<_>>().join("&")))
        };
        let links = Links {
            own: link(self.number),
            first: link(1),
            prev: prev.map(link),
            next: next.map(link),
            last: link(last),
        };
        let pagination = Pagination {
            current_page: self.number,
            page_size: self.size,
            prev_page: prev,
            next_page: next,
            total_pages: last,
            total_count: count,
        };
        ListDocument { data, links, meta: Meta { pagination } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &[(&str, &str)]) -> Page {
        Page::of(&Parameters(query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()))
    }

    #[test]
    fn invalid_page_numbers_use_defaults_and_sizes_are_capped() {
        let sizes = [
            ("", 20),
            ("0", 20),
            ("-1", 20),
            ("x", 20),
            ("1", 1),
            ("100", 100),
            ("101", 100),
            ("99999999999999999999", 100),
        ];
        for (text, size) in sizes {
            assert_eq!(page(&[("page[size]", text)]).size, size, "{text}");
        }
        assert_eq!(page(&[("page[number]", "0")]).number, 1);
        assert_eq!(page(&[("page[number]", "999")]).number, 999);
    }

    #[test]
    fn page_past_the_end_is_empty_and_states_the_total() {
        let five = || (0..5).collect::<Vec<_>>();
        assert_eq!(page(&[("page[size]", "2"), ("page[number]", "3")]).cut(five()), (5, vec![4]));
        assert_eq!(page(&[("page[number]", "999")]).cut(five()), (5, vec![]));
        assert_eq!(page(&[("page[number]", "99999999999999999999")]).cut(five()), (5, vec![]));
    }
}
