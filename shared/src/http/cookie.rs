//! Reads and sets this service's cookies (RFC 6265).

use http::HeaderMap;
use http::header::{COOKIE, HeaderValue};

use super::origin::Origin;
use crate::auth::OpaqueToken;
use crate::domain::{Error, Result, Session, SessionId};

/// The session cookie's name.
const SESSION: &str = "session";

/// How many different tokens the cookies of one name may have. Each may cost a storage call.
const MAX_TOKENS: usize = 4;

/// The different tokens in the cookies of this name, in the order they were sent. Cookies are parsed as bytes, so a
/// cookie that is not a token or not UTF-8 is skipped and does not affect the others.
///
/// Another host of the same site, or a page under another path, can set a second cookie of the same name, and their
/// order does not tell who set which. The caller must find out which token is valid. Returns no token if there are more
/// than four.
pub fn cookie_tokens(headers: &HeaderMap, name: &str) -> Vec<OpaqueToken> {
    let pairs = headers.get_all(COOKIE).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
    let values = pairs.filter_map(|pair| pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"="));
    let mut tokens: Vec<OpaqueToken> = Vec::new();
    for token in values.filter_map(|value| OpaqueToken::parse(std::str::from_utf8(value).ok()?)) {
        if tokens.iter().all(|other| other.hash() != token.hash()) {
            if tokens.len() == MAX_TOKENS {
                return Vec::new();
            }
            tokens.push(token);
        }
    }
    tokens
}

/// The sessions that a request's cookies name. At most one of them should exist.
pub fn session_cookies(headers: &HeaderMap) -> Vec<SessionId> {
    cookie_tokens(headers, SESSION).iter().map(|token| SessionId::new(token.hash())).collect()
}

/// The `Set-Cookie` value that starts a session.
pub fn session_begins(token: &OpaqueToken, origin: &Origin) -> Result<HeaderValue> {
    set_cookie(SESSION, &token.reveal(), Session::ABSOLUTE_SECONDS, origin)
}

/// The `Set-Cookie` value that ends a session.
pub fn session_ends(origin: &Origin) -> Result<HeaderValue> {
    set_cookie(SESSION, "", 0, origin)
}

/// A cookie that scripts cannot read and that is not sent with writes from pages of other sites.
pub fn set_cookie(name: &str, value: &str, seconds: i64, origin: &Origin) -> Result<HeaderValue> {
    // A browser that uses plain HTTP on its own machine ignores secure cookies.
    let secure = if origin.is_plain_loopback() { "" } else { "; Secure" };
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::try_from(text).map_err(|error| Error::internal("setting a cookie", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last digits of the tokens.
    fn found(values: &[&[u8]]) -> String {
        let headers = values.iter().map(|value| (COOKIE, HeaderValue::from_bytes(value).unwrap())).collect();
        let last = |token: &OpaqueToken| token.reveal().chars().last();
        cookie_tokens(&headers, SESSION).iter().filter_map(last).collect()
    }

    /// A token that ends in this digit.
    fn token(digit: &str) -> String {
        format!("{digit:0>43}")
    }

    #[test]
    fn cookies_are_read_as_bytes_pair_by_pair() {
        let (a, b) = (token("A"), token("B"));
        let table: [(&[String], &str); 11] = [
            (&[], ""),
            (&[format!("session={a}")], "A"),
            (&[format!("theme=dark; session={a};x=y")], "A"),
            (&["theme=dark".into(), format!("session={a}")], "A"),
            (&[format!("session={a}; session={a}")], "A"),
            (&[format!("session={a}; session={b}")], "AB"),
            (&[format!("session={b}"), format!("session={a}")], "BA"),
            (&[format!("my-session={a}; Session={b}; session")], ""),
            (&[format!("session=; session=garbage; session={a}; session={a}=")], "A"),
            (&[format!(";; ;=;session={a};;")], "A"),
            (&[format!("session ={a}; session= {b}")], ""),
        ];
        for (sent, expected) in table {
            let sent: Vec<&[u8]> = sent.iter().map(String::as_bytes).collect();
            assert_eq!(found(&sent), expected);
        }
        let neighbour = [b"theme=\xff\xfe; session=", a.as_bytes(), b"; x=\x80; session=\xff"].concat();
        assert_eq!(found(&[&neighbour]), "A");
        assert_eq!(found(&[b"theme=\xff", format!("session={a}").as_bytes()]), "A");
    }

    #[test]
    fn more_than_four_cookies_of_a_name_count_as_none() {
        let cookies =
            |digits: &[&str]| digits.iter().map(|digit| format!("session={}", token(digit))).collect::<Vec<_>>();
        assert_eq!(found(&[cookies(&["1", "2", "3", "4", "1"]).join("; ").as_bytes()]), "1234");
        assert_eq!(found(&[cookies(&["1", "2", "3", "4", "5"]).join("; ").as_bytes()]), "");
    }
}
