//! Cookies: finding ours in a request, and setting them (RFC 6265).

use http::HeaderMap;
use http::header::{COOKIE, HeaderValue};

use super::origin::Origin;
use crate::auth::OpaqueToken;
use crate::domain::{Error, Result, Session, SessionId};

/// The session cookie's name.
const SESSION: &str = "session";

/// The value of the one cookie of this name. `None` when there is none, or two with different values: a neighbour's
/// subdomain can set cookies for us, and the order of two says nothing about who set which.
pub fn find_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let texts = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(known, _)| *known == name).map(|(_, value)| value);
    let first = values.next()?;
    values.all(|other| other == first).then_some(first)
}

/// The session that a request's cookie names. `None` for a text that names none.
pub fn session_cookie(headers: &HeaderMap) -> Option<SessionId> {
    let token = find_cookie(headers, SESSION).and_then(OpaqueToken::parse)?;
    Some(SessionId::new(token.hash()))
}

/// `Set-Cookie` for a session that begins.
pub fn session_begins(token: &OpaqueToken, origin: &Origin) -> Result<HeaderValue> {
    set_cookie(SESSION, &token.reveal(), Session::ABSOLUTE_SECONDS, origin)
}

/// `Set-Cookie` for a session that ends.
pub fn session_ends(origin: &Origin) -> Result<HeaderValue> {
    set_cookie(SESSION, "", 0, origin)
}

/// A cookie that scripts cannot read and foreign pages cannot send along with their writes.
pub fn set_cookie(name: &str, value: &str, seconds: i64, origin: &Origin) -> Result<HeaderValue> {
    // A browser that talks plain HTTP to its own machine would drop it otherwise.
    let secure = if origin.is_plain_loopback() { "" } else { "; Secure" };
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::try_from(text).map_err(|error| Error::internal("setting a cookie", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (COOKIE, HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let table: [(&[&'static str], Option<&str>); 9] = [
            (&[], None),
            (&["session=a"], Some("a")),
            (&["theme=dark; session=a;x=y"], Some("a")),
            (&["theme=dark", "session=a"], Some("a")),
            (&["session=a; session=a"], Some("a")),
            (&["session=a; session=b"], None),
            (&["session=a", "session=b"], None),
            (&["my-session=a; Session=b; session"], None),
            (&["session=a=b"], Some("a=b")),
        ];
        for (sent, found) in table {
            assert_eq!(find_cookie(&headers(sent), SESSION), found, "{sent:?}");
        }
    }
}
