//! A bucket in S3: the S3 store of `object_store`, over the HTTP client of the AWS SDK and with its credentials.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder, AwsCredential};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::{
    BackoffConfig, ClientOptions, CredentialProvider, Error as StoreError, Result as StoreResult, RetryConfig,
};
use tokio::time::timeout;

use super::https::http_connector;
use crate::deadline::within;
use crate::domain::{Error, Result};

/// The timeout of a call with its retries.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// The timeout of one attempt. A value has at most 4 MiB.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);

/// The bucket at `url`: `https://<bucket>.s3.<region>.<partition's suffix>`, or `http://<host>/<bucket>` on another engine.
pub fn open_bucket(url: &str, aws: &SdkConfig) -> Result<AmazonS3> {
    let missing = || Error::bug("a Region and credentials are configured");
    let region = aws.region().ok_or_else(missing)?;
    let credentials = aws.credentials_provider().ok_or_else(missing)?;
    let backoff = BackoffConfig { init_backoff: Duration::from_millis(50), ..BackoffConfig::default() };
    let builder = AmazonS3Builder::new()
        .with_http_connector(Http(http_connector(url)?))
        .with_credentials(Arc::new(Credentials(credentials)))
        .with_region(region.as_ref())
        // The URL contains the bucket, which virtual-hosted style means. The name is used in messages only.
        .with_endpoint(url)
        .with_virtual_hosted_style_request(true)
        .with_bucket_name("blobs")
        // The functions may delete objects one by one.
        .with_disable_bulk_delete(true)
        .with_retry(RetryConfig { backoff, max_retries: 2, retry_timeout: CALL_TIMEOUT });
    builder.build().map_err(|error| Error::internal("opening the bucket", error))
}

/// The credentials that the SDK uses.
#[derive(Debug)]
struct Credentials(SharedCredentialsProvider);

#[async_trait]
impl CredentialProvider for Credentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> StoreResult<Arc<AwsCredential>> {
        let found = self.0.provide_credentials().await;
        let found = found.map_err(|error| StoreError::Generic { store: "S3", source: error.into() })?;
        Ok(Arc::new(AwsCredential {
            key_id: found.access_key_id().to_owned(),
            secret_key: found.secret_access_key().to_owned(),
            token: found.session_token().map(ToOwned::to_owned),
        }))
    }
}

/// The SDK's HTTP client. Each attempt ends with the deadline of its invocation.
#[derive(Clone, Debug)]
struct Http(SharedHttpConnector);

impl HttpConnector for Http {
    fn connect(&self, _: &ClientOptions) -> StoreResult<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Http {
    async fn call(&self, request: HttpRequest) -> std::result::Result<HttpResponse, HttpError> {
        let answer = timeout(within(ATTEMPT_TIMEOUT), self.attempt(request)).await;
        answer.unwrap_or_else(|late| Err(HttpError::new(HttpErrorKind::Timeout, late)))
    }
}

impl Http {
    async fn attempt(&self, request: HttpRequest) -> std::result::Result<HttpResponse, HttpError> {
        let invalid = |error| HttpError::new(HttpErrorKind::Unknown, error);
        let (parts, body) = request.into_parts();
        let request = http::Request::from_parts(parts, SdkBody::from(body.collect().await?.to_bytes()));
        let answer = self.0.call(request.try_into().map_err(invalid)?).await.map_err(failed)?;
        let (parts, body) = answer.try_into_http1x().map_err(invalid)?.into_parts();
        let broken = |error| HttpError::new_boxed(HttpErrorKind::Interrupted, error);
        Ok(HttpResponse::from_parts(parts, body.collect().await.map_err(broken)?.to_bytes().into()))
    }
}

/// Which failures `object_store` repeats: those of the connection, and those of requests that may run twice.
fn failed(error: ConnectorError) -> HttpError {
    let kind = match &error {
        error if error.is_timeout() => HttpErrorKind::Timeout,
        error if error.is_io() => HttpErrorKind::Interrupted,
        _ => HttpErrorKind::Unknown,
    };
    HttpError::new(kind, error)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use aws_config::Region;
    use aws_credential_types::Credentials;
    use bytes::Bytes;
    use object_store::ObjectStoreExt as _;
    use object_store::path::Path;

    use super::*;

    /// A bucket that keeps the last body put and gives it back. It answers each request with the next status, and says
    /// which requests came.
    fn bucket(statuses: &'static [&str]) -> (AmazonS3, thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let serving = thread::spawn(move || {
            let mut stream = BufReader::new(listener.accept().unwrap().0);
            let (mut kept, mut starts) = (Vec::new(), Vec::new());
            for status in statuses {
                let head: Vec<String> =
                    stream.by_ref().lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
                let length = head
                    .iter()
                    .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
                let mut body = vec![0; length.unwrap_or(0)];
                stream.read_exact(&mut body).unwrap();
                starts.push(head[0].clone());
                assert!(
                    head.iter().any(|line| line.to_ascii_lowercase().starts_with("authorization: aws4-hmac-sha256"))
                );
                let answer: &[u8] = if head[0].starts_with("PUT") {
                    kept = body;
                    b""
                } else {
                    &kept
                };
                let modified = "last-modified: Sun, 22 Nov 2026 04:00:00 GMT";
                let head = format!(
                    "HTTP/1.1 {status}\r\netag: \"1\"\r\n{modified}\r\ncontent-length: {}\r\n\r\n",
                    answer.len()
                );
                stream.get_mut().write_all(&[head.as_bytes(), answer].concat()).unwrap();
            }
            starts
        });
        let credentials = SharedCredentialsProvider::new(Credentials::new("id", "secret", None, None, "test"));
        let aws = SdkConfig::builder().region(Region::from_static("us-east-1")).credentials_provider(credentials);
        (open_bucket(&format!("{endpoint}/bench"), &aws.build()).unwrap(), serving)
    }

    #[tokio::test]
    async fn objects_round_trip_signed_on_one_connection() {
        let (store, serving) = bucket(&["200 OK", "200 OK"]);
        let value = Bytes::from(vec![7; 100_000]);
        store.put(&Path::from("a/b"), value.clone().into()).await.unwrap();
        assert_eq!(store.get(&Path::from("a/b")).await.unwrap().bytes().await.unwrap(), value);
        assert_eq!(serving.join().unwrap(), ["PUT /bench/a/b HTTP/1.1", "GET /bench/a/b HTTP/1.1"]);
    }

    #[tokio::test]
    async fn busy_bucket_is_called_again() {
        let (store, serving) = bucket(&["503 Slow Down", "200 OK", "204 No Content"]);
        store.put(&Path::from("a"), Bytes::from_static(b"x").into()).await.unwrap();
        store.delete(&Path::from("a")).await.unwrap();
        let put = "PUT /bench/a HTTP/1.1";
        assert_eq!(serving.join().unwrap(), [put, put, "DELETE /bench/a HTTP/1.1"]);
    }
}
