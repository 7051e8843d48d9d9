//! Large bodies and compressed bodies.

use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use http::Method;
use serde_json::{Value, json};

use super::{BODIES, send, send_anonymously};
use crate::support::TestService;
use crate::support::service::KV;

const MIB: usize = 1024 * 1024;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// A string whose JSON text has this many bytes.
fn text(bytes: usize) -> Value {
    "x".repeat(bytes - 2).into()
}

#[tokio::test]
async fn body_over_five_mebibytes_is_too_large_on_every_route() {
    let service = TestService::new().await;
    for (method, path, good) in BODIES {
        let padded = |bytes: usize| format!("{good}{}", " ".repeat(bytes - good.len()));
        let reply = send(&service, &method, path, &[], padded(5 * MIB + 1)).await;
        assert_eq!(reply.failed(413), "TOO_LARGE", "{path}");
        send(&service, &method, path, &[], padded(5 * MIB)).await.ok();
        let reply = send_anonymously(&service, &method, path, padded(5 * MIB + 1)).await;
        assert_eq!(reply.failed(403), "INVALID_TOKEN", "{path}");
    }
}

#[tokio::test]
async fn value_over_four_mebibytes_is_too_large() {
    let service = TestService::new().await;
    for path in ["key/a", "cas/key/b"] {
        let url = format!("{KV}/{path}");
        let body = |bytes| json!({"data": text(bytes)}).to_string();
        assert_eq!(send(&service, &Method::PUT, &url, &[], body(4 * MIB + 1)).await.failed(413), "TOO_LARGE");
        assert_eq!(service.blobs.count(), usize::from(path != "key/a"), "nothing was stored");
        let written = send(&service, &Method::PUT, &url, &[], body(4 * MIB)).await.ok();
        assert_eq!(written["size"], 4 * MIB);
    }
}

#[tokio::test]
async fn only_gzip_bodies_are_decompressed() {
    let body = br#"{"data": "packed", "keys": [], "name": "a", "capabilities": []}"#;
    for coding in ["gzip", "GZIP", "GZip", "x-gzip", "X-GZIP"] {
        let service = TestService::new().await;
        for (method, path, _) in BODIES {
            send(&service, &method, path, &[("content-encoding", coding)], gzip(body)).await.ok();
        }
    }
    let service = TestService::new().await;
    for (method, path, good) in BODIES {
        for coding in ["br", "deflate", "zstd", "compress", "gzip, gzip", "identity, gzip", "x", ""] {
            let reply = send(&service, &method, path, &[("content-encoding", coding)], gzip(body)).await;
            assert_eq!(reply.failed(415), "UNSUPPORTED_MEDIA_TYPE", "{path} {coding}");
        }
        for coding in ["identity", "Identity"] {
            let plain = send(&service, &method, path, &[("content-encoding", coding)], good).await;
            assert!(plain.status == 200 || path.contains("/cas/"), "{path}: {plain:?}");
            assert_ne!(plain.status, 415);
        }
        assert_eq!(send(&service, &method, path, &[], gzip(body)).await.failed(400), "INVALID_BODY", "{path}");
    }
}

#[tokio::test]
async fn broken_gzip_is_an_invalid_body() {
    let service = TestService::new().await;
    let whole = gzip(br#"{"data": 1, "keys": [], "name": "a", "capabilities": []}"#);
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        bytes
    };
    let broken = [
        ("plain text", b"{\"data\": 1}".to_vec()),
        ("a header alone", whole[..10].to_vec()),
        ("half a header", whole[..3].to_vec()),
        ("half of it", whole[..whole.len() / 2].to_vec()),
        ("no trailer", whole[..whole.len() - 8].to_vec()),
        ("a wrong method", flipped(2)),
        ("a wrong block", flipped(10)),
        ("a wrong checksum", flipped(whole.len() - 8)),
        ("a wrong length", flipped(whole.len() - 1)),
        ("packed twice", gzip(&whole)),
    ];
    for (method, path, _) in BODIES {
        for (name, body) in &broken {
            let reply = send(&service, &method, path, &[("content-encoding", "gzip")], body.clone()).await;
            assert_eq!(reply.failed(400), "INVALID_BODY", "{path}: {name}");
        }
    }
}

#[tokio::test]
async fn gzip_bomb_is_refused_within_bounded_memory() {
    let service = TestService::new().await;
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..100 {
        bomb.write_all(&[b' '; MIB]).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() * 1_000 < 101 * MIB, "{}", bomb.len());
    for (method, path, _) in BODIES {
        let start = Instant::now();
        let reply = send(&service, &method, path, &[("content-encoding", "gzip")], bomb.clone()).await;
        assert_eq!(reply.failed(413), "TOO_LARGE", "{path}");
        assert!(start.elapsed() < Duration::from_secs(5), "{path}: {:?}", start.elapsed());
    }
}
