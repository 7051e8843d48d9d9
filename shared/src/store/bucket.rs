//! Object storage over the SDK's HTTP client, so that a binary holds one client and one trust store.

use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::http::Request;
use aws_smithy_types::body::SdkBody;
use futures::future::BoxFuture;
use http_body_util::BodyExt as _;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};

use tokio::time::timeout;

use super::https::https_connector;

/// One call; a value has at most 4 MiB.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes clients for `object_store`.
#[derive(Debug)]
pub struct OverSdk;

impl HttpConnector for OverSdk {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let connector =
            https_connector().map_err(|source| object_store::Error::Generic { store: "S3", source: source.into() })?;
        Ok(HttpClient::new(Service(connector)))
    }
}

#[derive(Debug)]
struct Service(Connector);

impl HttpService for Service {
    /// Bodies are held whole.
    fn call<'s, 'f>(&'s self, request: HttpRequest) -> BoxFuture<'f, Result<HttpResponse, HttpError>>
    where
        's: 'f,
        Self: 'f,
    {
        let call = async move {
            let (parts, body) = request.into_parts();
            let body = SdkBody::from(body.collect().await?.to_bytes());
            let request = Request::try_from(http::Request::from_parts(parts, body)).map_err(unusable)?;
            let answer = self.0.call(request).await.map_err(|error| {
                let kind = if error.is_timeout() { HttpErrorKind::Timeout } else { HttpErrorKind::Connect };
                HttpError::new(kind, error)
            })?;
            let (parts, body) = answer.try_into_http1x().map_err(unusable)?.into_parts();
            let broken = |error| HttpError::new_boxed(HttpErrorKind::Interrupted, error);
            let bytes = body.collect().await.map_err(broken)?.to_bytes();
            Ok(HttpResponse::from_parts(parts, bytes.into()))
        };
        Box::pin(async move {
            let answer = timeout(CALL_TIMEOUT, call).await;
            answer.unwrap_or_else(|late| Err(HttpError::new(HttpErrorKind::Timeout, late)))
        })
    }
}

fn unusable(error: impl std::error::Error + Send + Sync + 'static) -> HttpError {
    HttpError::new(HttpErrorKind::Request, error)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use object_store::ObjectStoreExt as _;
    use object_store::aws::AmazonS3Builder;
    use object_store::path::Path;

    use super::*;

    /// A bucket that keeps the last body put, gives it back, and says which requests came.
    fn bucket(requests: usize) -> (String, thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let serving = thread::spawn(move || {
            let mut stream = BufReader::new(listener.accept().unwrap().0);
            let (mut kept, mut starts) = (Vec::new(), Vec::new());
            for _ in 0..requests {
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
                let head =
                    format!("HTTP/1.1 200 OK\r\netag: \"1\"\r\n{modified}\r\ncontent-length: {}\r\n\r\n", answer.len());
                stream.get_mut().write_all(&[head.as_bytes(), answer].concat()).unwrap();
            }
            starts
        });
        (endpoint, serving)
    }

    #[tokio::test]
    async fn an_object_goes_out_signed_and_comes_back_on_one_connection() {
        let (endpoint, serving) = bucket(2);
        let store = AmazonS3Builder::new().with_bucket_name("bench").with_endpoint(endpoint).with_allow_http(true);
        let store = store.with_access_key_id("id").with_secret_access_key("secret").with_region("us-east-1");
        let store = store.with_http_connector(OverSdk).build().unwrap();
        let value = bytes::Bytes::from(vec![7; 100_000]);
        store.put(&Path::from("a/b"), value.clone().into()).await.unwrap();
        assert_eq!(store.get(&Path::from("a/b")).await.unwrap().bytes().await.unwrap(), value);
        assert_eq!(serving.join().unwrap(), ["PUT /bench/a/b HTTP/1.1", "GET /bench/a/b HTTP/1.1"]);
    }
}
