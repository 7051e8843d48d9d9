//! Bounds the memory of all requests together: a request waits, before its body is read, until there is room for it.

use std::sync::Arc;

use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use terrapi::http::MAX_BODY_BYTES;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The memory of all requests that are being handled, in KiB.
const TOTAL_KIB: usize = 128 * 1024;
/// The memory of a request without a body, in KiB. An answer has at most 4 MiB, but few are that large.
const BASE_KIB: usize = 256;
/// How often a body is in memory at once: as it came, parsed, in the call to storage, and in the engine.
const COPIES: usize = 4;

/// The memory that requests may still take. Cheap to clone.
#[derive(Clone)]
pub struct Admission(Arc<Semaphore>);

impl Default for Admission {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(TOTAL_KIB)))
    }
}

impl Admission {
    /// Waits until there is room for a request with these headers. The room is free again when the result is dropped.
    pub async fn enter(&self, headers: &HeaderMap) -> Option<OwnedSemaphorePermit> {
        let room = u32::try_from(room_kib(headers)).ok()?;
        Arc::clone(&self.0).acquire_many_owned(room).await.ok()
    }
}

/// A body of unknown length counts as the longest that is accepted; a longer one is refused before it is read.
fn room_kib(headers: &HeaderMap) -> usize {
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let unknown = headers.contains_key(http::header::TRANSFER_ENCODING);
    let bytes = announced.unwrap_or(if unknown { MAX_BODY_BYTES } else { 0 }).min(MAX_BODY_BYTES);
    BASE_KIB + bytes.div_ceil(1024) * COPIES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_grows_with_the_body_and_is_bounded() {
        let with = |name, value: &'static str| HeaderMap::from_iter([(name, value.parse().unwrap())]);
        assert_eq!(room_kib(&HeaderMap::new()), BASE_KIB);
        assert_eq!(room_kib(&with(CONTENT_LENGTH, "1025")), BASE_KIB + 2 * COPIES);
        let most = BASE_KIB + MAX_BODY_BYTES / 1024 * COPIES;
        assert_eq!(room_kib(&with(CONTENT_LENGTH, "99999999999")), most);
        assert_eq!(room_kib(&with(http::header::TRANSFER_ENCODING, "chunked")), most);
        assert!(most < TOTAL_KIB, "the largest request is admitted at all");
    }

    #[tokio::test]
    async fn request_waits_until_another_one_leaves() {
        let (admission, large) =
            (Admission::default(), HeaderMap::from_iter([(CONTENT_LENGTH, "9999999".parse().unwrap())]));
        let mut held = Vec::new();
        while let Some(entered) = futures_now(admission.enter(&large)).await {
            held.push(entered);
        }
        assert_eq!(held.len(), TOTAL_KIB / room_kib(&large));
        held.pop();
        assert!(futures_now(admission.enter(&large)).await.is_some());
    }

    /// The result if it is there at once.
    async fn futures_now<T>(work: impl Future<Output = Option<T>>) -> Option<T> {
        tokio::time::timeout(std::time::Duration::from_millis(10), work).await.ok().flatten()
    }
}
