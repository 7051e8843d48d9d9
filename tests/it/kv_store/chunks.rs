//! Files as clients store them: chunks of 100 KiB under one key, written by ten concurrent writers.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::stream::{self, StreamExt};
use serde_json::json;

use crate::support::TestService;
use crate::support::service::KV;

const CHUNK: usize = 100 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_mebibyte_file_round_trips_as_a_draft() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let file: Vec<u8> = (0..3 * 1024 * 1024_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let chunks: Vec<(usize, &[u8])> = file.chunks(CHUNK).enumerate().collect();
    let uploads = stream::iter(chunks).map(|(idx, chunk)| {
        let (service, token) = (&service, &token);
        async move {
            let data = STANDARD.encode(chunk);
            let body = json!({"data": {"data": data, "chk": checksum(&data)}, "idx": idx, "committed": false});
            service.put(&format!("{KV}/cas/key/file.bin"), token, body).await.ok();
        }
    });
    uploads.buffer_unordered(10).collect::<Vec<()>>().await;
    assert_eq!(service.get(&format!("{KV}/key/file.bin"), &token).await.failed(404), "NOT_FOUND");
    let committed = service.post(&format!("{KV}/commit"), &token, json!({"keys": [{"key": "file.bin"}]})).await.ok();
    assert_eq!(committed["keys"].as_array().unwrap().len(), 31);

    let mut download = Vec::new();
    for idx in 0.. {
        let reply = service.get(&format!("{KV}/key/file.bin?idx={idx}"), &token).await;
        if reply.status == 404 {
            break;
        }
        let value = reply.ok()["data"].clone();
        let data = value["data"].as_str().unwrap();
        assert_eq!(value["chk"], checksum(data));
        download.extend(STANDARD.decode(data).unwrap());
    }
    assert!(download == file);
}

fn checksum(text: &str) -> String {
    use std::fmt::Write;
    let hash = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    hash.as_ref().iter().fold("sha256:".to_owned(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}
