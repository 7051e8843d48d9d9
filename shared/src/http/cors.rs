//! Pages of other origins: which may call this service, and what their browsers are told (CORS).
//!
//! A page of the service's own origin needs none of this, so a deployment that lists no other has no such layer.

use std::time::Duration;

use http::header::{ETAG, HeaderMap, HeaderName, HeaderValue, LINK, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE};
use tower_http::cors::{AllowCredentials, AllowHeaders, AllowMethods, AllowOrigin, CorsLayer};

use super::base_url::parse_origin;
use super::event::REQUEST_ID;
use super::origin::only;
use super::rate;
use crate::domain::{Error, Result};

/// How long a browser may remember a preflight's answer.
const REMEMBERED: Duration = Duration::from_hours(1);

/// What a page may read of an answer beside the few headers that it always may.
const EXPOSED: [HeaderName; 8] =
    [ETAG, LINK, RETRY_AFTER, WWW_AUTHENTICATE, rate::LIMIT, rate::REMAINING, rate::RESET, REQUEST_ID];

/// The origins beside its own whose pages a deployment trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedOrigins(Vec<HeaderValue>);

impl ListedOrigins {
    /// Reads `scheme://host` or `scheme://host:port`, with commas between, each as browsers write it.
    ///
    /// # Errors
    /// Internal: an entry is something else, a path or `*` for example. It would match nothing, or too much.
    pub fn parse(text: &str) -> Result<Self> {
        match Self::parse_each(text) {
            (origins, refused) if refused.is_empty() => Ok(origins),
            (_, refused) => Err(Error::internal("reading the listed origins", refused.join(", "))),
        }
    }

    /// As [`Self::parse`], without the entries that are something else; those come beside it.
    pub fn parse_each(text: &str) -> (Self, Vec<String>) {
        let (mut origins, mut refused) = (Vec::new(), Vec::new());
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match parse_origin(word).and_then(|origin| HeaderValue::try_from(origin).ok()) {
                Some(origin) => origins.push(origin),
                None => refused.push(word.to_owned()),
            }
        }
        (Self(origins), refused)
    }

    /// Whether a page of one of them sent the request.
    pub fn sent(&self, headers: &HeaderMap) -> bool {
        only(headers, ORIGIN.as_str()).is_some_and(|origin| self.0.contains(origin))
    }

    /// What answers the preflights of their pages, and lets those read answers. None when none is listed.
    pub(super) fn layer(&self) -> Option<CorsLayer> {
        if self.0.is_empty() {
            return None;
        }
        let listed = self.clone();
        let layer = CorsLayer::new()
            .allow_origin(AllowOrigin::list(self.0.iter().cloned()))
            .allow_credentials(AllowCredentials::predicate(move |origin, _| listed.0.contains(origin)))
            // Which of them a route takes is for the route to say.
            .allow_methods(AllowMethods::mirror_request())
            .allow_headers(AllowHeaders::mirror_request())
            .expose_headers(EXPOSED)
            .max_age(REMEMBERED)
            .vary([ORIGIN]);
        Some(layer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_accepted_in_serialized_form() {
        let text = "https://a.example.com:443, http://localhost:3000,https://[::1]:8443,,https://xn--4ca.example";
        let listed = ListedOrigins::parse(text).unwrap();
        let expected =
            ["https://a.example.com", "http://localhost:3000", "https://[::1]:8443", "https://xn--4ca.example"];
        assert_eq!(listed, ListedOrigins(expected.map(HeaderValue::from_static).into()));
        for none in ["", " ", ","] {
            let listed = ListedOrigins::parse(none).unwrap();
            assert!(listed.layer().is_none(), "{none:?}");
        }
    }

    #[test]
    fn useless_or_too_broad_origins_are_refused() {
        let bad = [
            "*",
            "null",
            "a.example.com",
            "//a.example.com",
            "https://",
            "https://*",
            "https://*.example.com",
            "https://a.example.com/",
            "https://a.example.com/console",
            "https://a.example.com?x",
            "https://a.example.com#x",
            "https://me@a.example.com",
            "https://A.example.com",
            "HTTPS://a.example.com",
            "https://a:b",
            "https://a.example.com:0",
            "https://a.example.com:",
            "https://a.example.com:08443",
            "https://a.example.com:99999",
            "https://ä.example.com",
            "ftp://a.example.com",
            "chrome-extension://abc",
            "https://a.example.com https://b.example.com",
        ];
        for word in bad {
            assert!(ListedOrigins::parse(word).is_err(), "{word}");
            assert!(ListedOrigins::parse(&format!("https://a.test,{word}")).is_err(), "{word}");
        }
    }
}
