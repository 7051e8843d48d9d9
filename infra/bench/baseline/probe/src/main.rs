//! Hello, preceded by `PROBE_READS` strongly consistent reads of one item of the KV table, with a client like that of
//! the functions. It shows what the SDK costs a route, apart from the route's own code.

use std::env::var;
use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::{Client, Config};
use lambda_http::{Error, Request, run_concurrent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let client = client(&var("AWS_ENDPOINT_URL_DYNAMODB")?);
    let reads: usize = var("PROBE_READS")?.parse()?;
    let (table, pk, sk) = (var("TERRAPI_KV_TABLE")?, var("PROBE_PK")?, var("PROBE_SK")?.into_bytes());
    run_concurrent(service_fn(move |_: Request| {
        let (client, table, pk, sk) = (client.clone(), table.clone(), pk.clone(), sk.clone());
        async move {
            for _ in 0..reads {
                let get = client.get_item().table_name(&table).key("pk", AttributeValue::S(pk.clone()));
                let get = get.key("sk", AttributeValue::B(Blob::new([&sk[..], &[0; 5]].concat())));
                get.consistent_read(true).send().await?.item.ok_or("the item is not there")?;
            }
            Ok::<_, Error>("hello")
        }
    }))
    .await
}

fn client(endpoint: &str) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(1))
        .operation_timeout(Duration::from_secs(3));
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("bench", "bench", None, None, "bench"))
        .timeout_config(timeouts.build())
        .retry_config(RetryConfig::standard().with_max_attempts(4))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    Client::from_conf(config.build())
}
