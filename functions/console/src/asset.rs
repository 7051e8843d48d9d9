//! Files that are part of the binary.

use std::io::Read;

use axum::response::{IntoResponse, Response};
use flate2::read::GzDecoder;
use http::StatusCode;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, VARY,
};
use terrapi::domain::{Error, Result};
use terrapi::http::unchanged;

/// A file, plain or packed with gzip.
pub struct Asset {
    /// Its name in URLs.
    pub name: &'static str,
    /// Its media type.
    pub media_type: &'static str,
    /// Its bytes.
    pub content: Content,
}

/// How a file is kept.
pub enum Content {
    /// As it is.
    Plain(&'static [u8]),
    /// Packed, because packing it anew takes a small Lambda longer than sending it.
    Gzip(&'static [u8]),
}

/// How long a file may be kept by whoever fetched it.
#[derive(Clone, Copy)]
pub enum Caching {
    /// For ever: another content has another URL.
    Immutable,
    /// Only after asking whether it is still the same.
    Revalidate,
}

impl Asset {
    /// Tells this content from others: eight hexadecimal digits.
    pub fn version(&self) -> String {
        let (Content::Plain(bytes) | Content::Gzip(bytes)) = self.content;
        format!("{:08x}", crc32fast::hash(bytes))
    }

    /// The answer to a request with these headers.
    pub fn answer(&self, request: &HeaderMap, caching: Caching) -> Result<Response> {
        let etag = format!("\"{}\"", self.version());
        let caching = match caching {
            Caching::Immutable => "public, max-age=31536000, immutable",
            Caching::Revalidate => "no-cache",
        };
        let mut headers = HeaderMap::from_iter([
            (CACHE_CONTROL, HeaderValue::from_static(caching)),
            (HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff")),
            (ETAG, HeaderValue::from_str(&etag).map_err(|error| Error::internal("writing an etag", error))?),
        ]);
        if unchanged(request, &etag) {
            return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        match self.content {
            Content::Plain(bytes) => Ok((headers, bytes).into_response()),
            Content::Gzip(bytes) => {
                headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
                if takes_gzip(request) {
                    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                    return Ok((headers, bytes).into_response());
                }
                Ok((headers, unpacked(bytes)?).into_response())
            }
        }
    }
}

fn unpacked(packed: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut bytes).map_err(|error| Error::internal("unpacking a file", error))?;
    Ok(bytes)
}

/// RFC 9110 §12.5.3, as far as browsers use it: gzip is listed and not with the weight 0.
fn takes_gzip(request: &HeaderMap) -> bool {
    let sent = request.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    sent.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight.trim().trim_start_matches("q=").parse().unwrap_or(1.0_f32);
        name.trim().eq_ignore_ascii_case("gzip") && weight > 0.0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_when_accept_encoding_lists_it() {
        for (sent, takes) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("gzip, deflate, br, zstd", true),
            ("gzip;q=0", false),
            ("br", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(sent))]);
            assert_eq!(takes_gzip(&headers), takes, "{sent}");
        }
    }
}
