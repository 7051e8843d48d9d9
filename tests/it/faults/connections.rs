//! What the store's HTTP client does with a connection after a failed call.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use terrapi::store::{Store, StoreConfig, Tables, Timeouts};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::support::backend::aws;
use crate::support::faulty::wire::{Message, Peer};
use crate::support::log::Log;

/// The answer to the first call on the first connection. Every later call succeeds.
#[derive(Clone, Copy, Debug)]
enum First {
    /// A retryable error.
    Failure,
    /// No answer until the caller gives up.
    Silence,
    /// The connection closes.
    Cut,
    /// The connection closes in the middle of the answer.
    Half,
}

/// A store with empty tables that records the connection of each call.
async fn start(first: First) -> (String, Arc<Mutex<Vec<usize>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let calls = Arc::new(Mutex::new(Vec::new()));
    let recorded = Arc::clone(&calls);
    let silence = Arc::new(Notify::new());
    tokio::spawn(async move {
        for connection in 1.. {
            let (socket, _) = listener.accept().await.unwrap();
            let (recorded, silence) = (Arc::clone(&recorded), Arc::clone(&silence));
            tokio::spawn(async move {
                let mut client = Peer::new(socket);
                while client.receive().await.is_ok() {
                    let number = {
                        let mut recorded = recorded.lock().unwrap();
                        recorded.push(connection);
                        recorded.len()
                    };
                    let good = Message::answer(200, &json!({})).bytes();
                    let answer = match first {
                        _ if number > 1 => good,
                        First::Failure => {
                            let body = json!({"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError"});
                            Message::answer(500, &body).bytes()
                        }
                        First::Silence => {
                            silence.notified().await;
                            good
                        }
                        First::Cut => return,
                        First::Half => {
                            let _ = client.send(&good[..good.len() - 1]).await;
                            return;
                        }
                    };
                    if client.send(&answer).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (endpoint, calls)
}

fn store(endpoint: &str) -> Store {
    Store::without_blobs(&StoreConfig {
        tables: Tables { identity: "identity".into(), kv: "kv".into(), operations: "operations".into() },
        endpoint: Some(endpoint.to_owned()),
        aws: aws("test"),
        blobs: None,
        timeouts: Timeouts { attempt: Duration::from_millis(500), operation: Duration::from_secs(20) },
    })
    .unwrap()
}

#[tokio::test]
async fn connection_is_not_reused_after_a_failed_call() {
    for first in [First::Failure, First::Silence, First::Cut, First::Half] {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(log.clone());
        let guard = tracing::subscriber::set_default(subscriber.finish());
        let (endpoint, calls) = start(first).await;
        let store = store(&endpoint);
        for _ in 0..3 {
            store.ping().await.unwrap();
        }
        drop(guard);
        // The failed call, its retry on a new connection, and two more calls there.
        assert_eq!(*calls.lock().unwrap(), [1, 2, 2, 2], "{first:?}");
        assert!(!log.text().contains("ERROR"), "{first:?}: {}", log.text());
    }
}

#[tokio::test]
async fn refused_connection_is_not_a_client_error() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(log.clone());
    let guard = tracing::subscriber::set_default(subscriber.finish());
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert!(store(&format!("http://{free}")).ping().await.is_err());
    drop(guard);
    assert!(!log.text().contains("ERROR"), "{}", log.text());
}
