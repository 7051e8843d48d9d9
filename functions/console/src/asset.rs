//! Static files that are compiled into the binary.

use std::io::Read;

use axum::response::{IntoResponse, Response};
use flate2::read::GzDecoder;
use http::StatusCode;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, VARY,
};
use terrapi::domain::{Error, Result};
use terrapi::http::unchanged;

pub struct Asset {
    /// The name of the file in URLs.
    pub name: &'static str,
    pub media_type: &'static str,
    pub content: Content,
}

/// The stored form of a file.
pub enum Content {
    Plain(&'static [u8]),
    /// Compressed with gzip at build time: compressing on each request would take a small Lambda longer than sending.
    Gzip(&'static [u8]),
}

/// How long clients may cache a file.
#[derive(Clone, Copy)]
pub enum Caching {
    /// Without limit: a changed file has another URL.
    Immutable,
    /// Only after revalidation with its `ETag`.
    Revalidate,
}

impl Asset {
    /// Eight hexadecimal digits that change with the content.
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
            (ETAG, HeaderValue::from_str(&etag).map_err(|error| Error::internal("encoding an ETag", error))?),
        ]);
        if unchanged(request, &etag) {
            return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        match self.content {
            Content::Plain(bytes) => Ok((headers, bytes).into_response()),
            Content::Gzip(bytes) => {
                headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
                if accepts_gzip(request) {
                    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                    return Ok((headers, bytes).into_response());
                }
                Ok((headers, decompressed(bytes)?).into_response())
            }
        }
    }
}

fn decompressed(packed: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut bytes).map_err(|error| Error::internal("decompressing a file", error))?;
    Ok(bytes)
}

/// Whether the client accepts gzip (RFC 9110 §12.5.3): it is listed with a weight other than 0.
fn accepts_gzip(request: &HeaderMap) -> bool {
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
            assert_eq!(accepts_gzip(&headers), takes, "{sent}");
        }
    }
}
