//! Entity tags (RFC 9110 §8.8.3).

use http::header::{HeaderMap, IF_NONE_MATCH};

/// Whether `If-None-Match` lists `etag` (with its quotes) by weak comparison (RFC 9110 §13.1.2).
pub fn unchanged(headers: &HeaderMap, etag: &str) -> bool {
    let sent = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    sent.flat_map(|value| value.split(',')).map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn any_listed_strong_or_weak_etag_matches() {
        for (sent, matches) in [
            (vec![r#""7""#], true),
            (vec![r#"W/"7""#], true),
            (vec![r#""1", "7""#], true),
            (vec![r#""1""#, r#""7""#], true),
            (vec!["*"], true),
            (vec![r#""71""#], false),
            (vec!["7"], false),
            (vec![], false),
        ] {
            let headers = sent.iter().map(|tag| (IF_NONE_MATCH, HeaderValue::from_static(tag))).collect();
            assert_eq!(unchanged(&headers, r#""7""#), matches, "{sent:?}");
        }
    }
}
