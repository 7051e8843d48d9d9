//! An origin in a deployment's settings.

use http::Uri;

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
