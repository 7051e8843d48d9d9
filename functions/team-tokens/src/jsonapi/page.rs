//! Lists in numbered pages.

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
    /// The first parameter with this name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All parameters with this name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A positive number. Any other value counts as absent.
    fn number(&self, name: &str) -> Option<usize> {
        let text = self.text(name)?;
        let huge = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().or(huge.then_some(usize::MAX)).filter(|number| *number > 0)
    }

    /// Whether there is a `page[…]` parameter.
    pub fn ask_for_a_page(&self) -> bool {
        self.0.iter().any(|(name, _)| name.starts_with("page["))
    }
}

/// The parameters that choose a page.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description: handlers take Parameters")]
pub struct PageParams {
    /// The page, from 1. Any other value counts as 1. A page after the last one is empty.
    #[param(rename = "page[number]", example = 1)]
    number: Option<i64>,
    /// The number of resources on a page: 20 if absent, at most 100.
    #[param(rename = "page[size]", example = 20)]
    size: Option<i64>,
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListDocument<T> {
    /// The resources on this page.
    pub data: Vec<T>,
    /// Links to other pages.
    pub links: Links,
    /// The size of the list.
    pub meta: Meta,
}

/// Links to other pages: the same address with another `page[number]`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Links {
    /// This page.
    #[serde(rename = "self")]
    own: String,
    /// The first page.
    first: String,
    /// The previous page. Null on the first page.
    prev: Option<String>,
    /// The next page. Null on the last page.
    next: Option<String>,
    /// The last page.
    last: String,
}

/// The size of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Meta {
    /// The pages of the list.
    pagination: Pagination,
}

/// The position of a page in its list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Pagination {
    /// This page.
    current_page: usize,
    /// The number of resources on a page.
    page_size: usize,
    /// The previous page.
    prev_page: Option<usize>,
    /// The next page.
    next_page: Option<usize>,
    /// The number of pages, at least 1.
    total_pages: usize,
    /// The number of resources on all pages.
    total_count: usize,
}

/// A requested page.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    number: usize,
    size: usize,
}

impl Page {
    pub fn of(parameters: &Parameters) -> Self {
        let number = parameters.number("page[number]").unwrap_or(1);
        let size = parameters.number("page[size]").unwrap_or(DEFAULT_SIZE).min(MAX_SIZE);
        Self { number, size }
    }

    /// One page with the whole list.
    pub fn whole(count: usize) -> Self {
        Self { number: 1, size: count.max(DEFAULT_SIZE) }
    }

    /// The size of the list, and the part of it that is on this page.
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
