//! Storage calls without a function.
#![expect(clippy::disallowed_types, reason = "this measures the SDK alone")]

use std::thread;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;

use crate::Result;
use crate::rounds::{Times, times};

/// Repeats calls for `time`, on a thread of its own as in a function.
pub fn repeat(endpoint: &str, time: Duration, calls: impl AsyncFnMut(&Client) -> Result<()> + Send) -> Result<Times> {
    let alone = || -> Result<Times> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(times(&runtime.block_on(timed(endpoint, time, calls))?))
    };
    thread::scope(|scope| scope.spawn(alone).join().map_err(|_| "a thread panicked")?)
}

async fn timed(
    endpoint: &str,
    time: Duration,
    mut calls: impl AsyncFnMut(&Client) -> Result<()>,
) -> Result<Vec<Duration>> {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("bench", "bench", None, None, "bench"))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    let sdk = Client::from_conf(config.build());
    let (mut latencies, began) = (Vec::new(), Instant::now());
    while began.elapsed() < time {
        let called = Instant::now();
        calls(&sdk).await?;
        latencies.push(called.elapsed());
    }
    Ok(latencies)
}

/// Reads an existing row, strongly consistent as in the functions.
pub async fn get(sdk: &Client, table: &str, pk: AttributeValue, sk: AttributeValue) -> Result<()> {
    let get = sdk.get_item().table_name(table).key("pk", pk).key("sk", sk).consistent_read(true);
    get.send().await?.item.map(|_| ()).ok_or_else(|| "a row does not exist".into())
}
