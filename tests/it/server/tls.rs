//! HTTPS from certificate files.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::smoke::stack::{DataDir, Program, Stack, free_port};

/// Writes a new self-signed certificate for this machine. Returns it in PEM format.
fn write_certificate(folder: &Path) -> String {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".into()]).unwrap();
    std::fs::write(folder.join("certificate.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.pem()
}

/// Whether the service answers with this certificate, which is the only one that the client trusts.
async fn answers(origin: &str, certificate: &str) -> bool {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let certificate = reqwest::Certificate::from_pem(certificate.as_bytes()).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([certificate]).build().unwrap();
    client.get(format!("{origin}/health")).send().await.is_ok_and(|answer| answer.status() == 200)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificate_is_read_again_on_a_hang_up() {
    let (data, port) = (DataDir::new("tls"), free_port());
    let first = write_certificate(data.path());
    let files = ["certificate.pem", "key.pem"].map(|name| data.path().join(name).display().to_string());
    let variables = [("TERRAPI_TLS_CERTIFICATE", files[0].as_str()), ("TERRAPI_TLS_KEY", &files[1])];
    let mut stack = Stack::start_with(Program::Serve, &data, port, variables);
    let connection = stack.connection().await;
    let origin = connection.base_url.clone();
    assert!(origin.starts_with("https://"), "{origin}");
    assert!(answers(&origin, &first).await);

    let second = write_certificate(data.path());
    assert!(!answers(&origin, &second).await, "not before the signal");
    stack.hang_up();
    let deadline = Instant::now() + Duration::from_secs(10);
    while !answers(&origin, &second).await {
        assert!(Instant::now() < deadline, "the new certificate is not used");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    std::fs::write(&files[1], "no key").unwrap();
    stack.hang_up();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(answers(&origin, &second).await, "a broken file leaves the current certificate in use");
    stack.stop(&connection).await;
}

#[tokio::test]
async fn unusable_certificate_gives_a_one_line_error() {
    let (data, port) = (DataDir::new("tls-broken"), free_port());
    write_certificate(data.path());
    let certificate = data.path().join("certificate.pem").display().to_string();
    let variables = [("TERRAPI_TLS_CERTIFICATE", certificate.as_str()), ("TERRAPI_TLS_KEY", "/nowhere/key.pem")];
    let said = Stack::start_with(Program::Serve, &data, port, variables).refused().await;
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("terrapi: the certificate ") && said.contains("cannot be used"), "{said}");
}
