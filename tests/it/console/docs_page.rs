//! The API reference page: it loads its files from this service, and may connect to no other origin.

use std::io::Read;

use axum::body::Body;
use axum::extract::Request;
use flate2::read::GzDecoder;
use http::Method;

use crate::support::{Reply, TestService};

async fn get(service: &TestService, path: &str, header: (&str, &str)) -> Reply {
    service.send(Request::get(path).header(header.0, header.1).body(Body::empty()).unwrap()).await
}

/// The URLs in the page's `href` and `src`, relative to the origin.
fn files(page: &str) -> Vec<String> {
    let starts = page.match_indices("href=\"").chain(page.match_indices("src=\""));
    let urls = starts.map(|(at, name)| page[at + name.len()..].split('"').next().unwrap());
    urls.filter(|url| *url != "data:," && *url != "openapi.json").map(|url| format!("/{url}")).collect()
}

#[tokio::test]
async fn docs_page_may_load_and_call_only_its_own_origin() {
    let service = TestService::new().await;
    let page = service.call(Method::GET, "/docs", "", None).await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    for source in policy.split([';', ' ']).filter(|word| !word.is_empty()) {
        let known = ["'none'", "'self'", "data:"].contains(&source);
        assert!(known || source.ends_with("-src") || source.ends_with("-uri") || source.contains('-'), "{source}");
        assert!(!source.contains("unsafe") && !source.contains('*') && !source.contains("//"), "{source}");
    }
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    let text = String::from_utf8(page.bytes.to_vec()).unwrap();
    assert!(!text.contains("http") && !text.contains('{'), "{text}");
}

#[tokio::test]
async fn docs_page_files_are_served_as_immutable() {
    let service = TestService::new().await;
    let page = service.call(Method::GET, "/docs", "", None).await;
    let files = files(std::str::from_utf8(&page.bytes).unwrap());
    assert_eq!(files.len(), 4, "{files:?}");
    for file in files {
        assert!(file.contains("?v="), "{file}: what never expires must not change");
        let plain = get(&service, &file, ("accept-encoding", "identity")).await;
        assert_eq!(plain.status, 200, "{file}");
        assert_eq!(plain.header("cache-control"), Some("public, max-age=31536000, immutable"));
        assert_eq!(plain.header("x-content-type-options"), Some("nosniff"));
        let packed = get(&service, &file, ("accept-encoding", "gzip")).await;
        if packed.header("content-encoding") == Some("gzip") {
            let mut text = Vec::new();
            GzDecoder::new(&packed.bytes[..]).read_to_end(&mut text).unwrap();
            assert!(text == plain.bytes, "{file}");
        } else {
            assert!(packed.bytes == plain.bytes && plain.bytes.len() <= 1024, "{file}");
        }
        let etag = plain.header("etag").unwrap();
        let again = get(&service, &file, ("if-none-match", etag)).await;
        assert_eq!((again.status.as_u16(), again.bytes.len()), (304, 0), "{file}");
        assert_eq!(get(&service, &file, ("if-none-match", "\"other\"")).await.status, 200);
    }
    assert_eq!(service.call(Method::GET, "/docs/other.js", "", None).await.failed(404), "NOT_FOUND");
    assert_eq!(service.call(Method::GET, "/docs/..%2Fopenapi.json", "", None).await.failed(404), "NOT_FOUND");
}

#[tokio::test]
async fn root_redirects_to_the_docs_page() {
    let service = TestService::new().await;
    let reply = service.call(Method::GET, "/", "", None).await;
    assert_eq!((reply.status.as_u16(), reply.header("location")), (307, Some("docs")));
}

#[test]
fn vendored_files_match_the_published_ones() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../functions/console/assets/swagger-ui");
    let table = std::fs::read_to_string(format!("{folder}/README.md")).unwrap();
    for file in ["swagger-ui-bundle.js", "swagger-ui.css"] {
        let packed = std::fs::read(format!("{folder}/{file}.gz")).unwrap();
        let mut bytes = Vec::new();
        GzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
        let sum = ring::digest::digest(&ring::digest::SHA256, &bytes);
        let sum: String = sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(table.contains(&format!("| `{file}` | `{sum}` |")), "{file}: {sum}");
    }
}
