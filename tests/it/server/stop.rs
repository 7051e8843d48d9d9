//! A process that is asked to stop.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::smoke::client::Client;
use crate::smoke::stack::{DataDir, Program, Stack, free_port};

/// Concurrent clients. Each writes its own key.
const WRITERS: usize = 16;

/// Counts up under a key until the service no longer answers. Returns the last number that was acknowledged.
async fn count_up(client: &Client<'_>, key: &str) -> u64 {
    let path = format!("{}/key/{key}", client.kv());
    for number in 1.. {
        match client.try_call(Method::PUT, &path, Some(&json!({"data": number}))).await {
            Ok(reply) => _ = reply.ok(),
            Err(_) => return number - 1,
        }
    }
    0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_that_was_carried_out_is_answered_before_the_stop() {
    let (data, port) = (DataDir::new("stop"), free_port());
    let mut stack = Stack::start(Program::Serve, &data, port);
    let connection = stack.connection().await;
    let client = Client::new(&connection).await;
    let keys: Vec<String> = (0..WRITERS).map(|name| format!("stop{name}")).collect();
    let counting = futures::future::join_all(keys.iter().map(|key| count_up(&client, key)));
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        stack.stop(&connection).await;
    };
    let (acknowledged, ()) = tokio::join!(counting, stopping);

    let mut stack = Stack::start(Program::Serve, &data, port);
    let connection = stack.connection().await;
    let client = Client::new(&connection).await;
    for (key, last) in keys.iter().zip(acknowledged) {
        assert!(last > 1, "{key} was written {last} times");
        let read = client.get(&format!("key/{key}")).await.ok();
        assert_eq!(read["data"], Value::from(last), "{key}");
    }
    stack.stop(&connection).await;
}
