//! A process that is killed at any moment: whatever was acknowledged is there after the next start.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::smoke::client::Client;
use crate::smoke::stack::{DataDir, Program, Stack, free_port};

/// How often the process is killed.
const KILLS: usize = 50;
/// Concurrent clients. Each writes its own keys.
const WRITERS: usize = 8;
/// How long the process may live, in milliseconds: a different time after each start.
const LIVES_MS: std::ops::Range<u64> = 50..250;
/// A value that is kept as an object beside the database.
const LARGE: usize = 120 * 1024;

/// The values that a writer has been told are stored, and the one whose answer it did not get.
#[derive(Default)]
struct Writer {
    acknowledged: BTreeMap<String, Value>,
    unknown: Option<(String, Value)>,
    written: u64,
}

impl Writer {
    /// Writes until the process is gone.
    async fn write(&mut self, name: usize, client: &Client<'_>, stopped: &AtomicBool) {
        while !stopped.load(Ordering::Relaxed) {
            self.written += 1;
            let key = format!("kill/{name}/{}", self.written % 5);
            let number = self.written;
            let text = if number.is_multiple_of(20) { "x".repeat(LARGE) } else { String::new() };
            let data = json!({"number": number, "text": text});
            let path = format!("{}/key/{}", client.kv(), key.replace('/', "%2F"));
            match client.try_call(Method::PUT, &path, Some(&json!({"data": data}))).await {
                Ok(reply) => {
                    reply.ok();
                    self.acknowledged.insert(key, data);
                }
                Err(_) => {
                    self.unknown = Some((key, data));
                    return;
                }
            }
        }
    }

    /// Every key has its acknowledged value, or the one whose answer was lost.
    async fn check(&mut self, client: &Client<'_>) {
        let unknown = self.unknown.take();
        for (key, expected) in &mut self.acknowledged {
            let read = client.get(&format!("key/{}", key.replace('/', "%2F"))).await.ok();
            let found = &read["data"];
            if found != expected {
                let (lost, late) = unknown.as_ref().unwrap_or_else(|| panic!("{key}: {found}, not {expected}"));
                assert_eq!((lost, late), (key, found), "acknowledged: {expected}");
                expected.clone_from(found);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_hard_kills_under_load_lose_nothing_acknowledged() {
    let (data, port) = (DataDir::new("kill"), free_port());
    let mut writers: Vec<Writer> = std::iter::repeat_with(Writer::default).take(WRITERS).collect();
    for kill in 0..KILLS {
        let mut stack = Stack::start(Program::Serve, &data, port);
        let connection = stack.connection().await;
        let client = Client::new(&connection).await;
        for writer in &mut writers {
            writer.check(&client).await;
        }
        let stopped = Arc::new(AtomicBool::new(false));
        let life = LIVES_MS.start + (kill as u64 * 37) % (LIVES_MS.end - LIVES_MS.start);
        let writing = futures::future::join_all(
            writers.iter_mut().enumerate().map(|(name, writer)| writer.write(name, &client, &stopped)),
        );
        let killing = async {
            tokio::time::sleep(Duration::from_millis(life)).await;
            stack.kill();
            stopped.store(true, Ordering::Relaxed);
        };
        tokio::join!(writing, killing);
    }
    let mut stack = Stack::start(Program::Serve, &data, port);
    let connection = stack.connection().await;
    let client = Client::new(&connection).await;
    for writer in &mut writers {
        writer.check(&client).await;
    }
    let acknowledged: usize = writers.iter().map(|writer| writer.acknowledged.len()).sum();
    let written: u64 = writers.iter().map(|writer| writer.written).sum();
    assert_eq!(acknowledged, WRITERS * 5, "every key was written");
    println!("{written} writes, {KILLS} kills");
    stack.stop(&connection).await;
}
