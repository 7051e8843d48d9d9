//! The origins in a deployment's settings.

use http::{HeaderValue, Uri};

use crate::domain::{Error, Result};

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

    /// Whether one of them is `origin`, as an `Origin` header has it.
    pub fn contains(&self, origin: &HeaderValue) -> bool {
        self.0.contains(origin)
    }

    /// Each of them, as an `Origin` header has it.
    pub fn iter(&self) -> impl Iterator<Item = &HeaderValue> {
        self.0.iter()
    }
}

/// `scheme://host` or `scheme://host:port` as browsers write it (RFC 6454 §6.2): in lower case, with nothing behind. The
/// scheme's own port is dropped. `None` for anything else.
pub fn parse_origin(text: &str) -> Option<String> {
    let uri: Uri = text.parse().ok()?;
    let (scheme, host) = (uri.scheme_str()?, uri.host()?);
    let own_port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._:[]".contains(&byte);
    if host.is_empty() || !host.bytes().all(letter) {
        return None;
    }
    let origin = format!("{scheme}://{host}");
    let port = match text.strip_prefix(&origin)? {
        "" => return Some(origin),
        rest => rest.strip_prefix(':')?,
    };
    let number: u16 = port.parse().ok().filter(|number: &u16| *number > 0 && number.to_string() == port)?;
    Some(if number == own_port { origin } else { format!("{origin}:{number}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_listed_as_browsers_write_them() {
        let text = "https://a.example.com:443, http://localhost:3000,https://[::1]:8443,,https://xn--4ca.example";
        let listed = ListedOrigins::parse(text).unwrap();
        let expected =
            ["https://a.example.com", "http://localhost:3000", "https://[::1]:8443", "https://xn--4ca.example"];
        assert_eq!(listed, ListedOrigins(expected.map(HeaderValue::from_static).into()));
        for none in ["", " ", ","] {
            assert_eq!(ListedOrigins::parse(none).unwrap(), ListedOrigins::default(), "{none:?}");
        }
    }

    #[test]
    fn what_would_match_nothing_or_too_much_is_refused() {
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
