//! A bucket in S3: the plain HTTP store of `object_store` over the SDK's HTTP client, with each request signed for S3.
//!
//! Only whole objects are written, read and deleted. The S3 store of `object_store` does much more, and would be a
//! quarter of a binary.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::BodyExt as _;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::http::{HttpBuilder, HttpStore};
use object_store::{ClientOptions, Result as StoreResult};
use tokio::time::timeout;

use super::https::http_connector;
use crate::deadline::within;
use crate::domain::{Error, Result};

/// The timeout of one call. A value has at most 4 MiB.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// The bucket at `url`: `https://<bucket>.s3.<region>.<partition's suffix>`, or `http://<host>/<bucket>` on another engine.
pub fn open_bucket(url: String, region: &str, credentials: &Credentials) -> Result<HttpStore> {
    let signer = Signer { region: region.to_owned(), identity: credentials.clone().into() };
    let over = http_connector(&url)?;
    let store = HttpBuilder::new().with_url(url).with_http_connector(Signed { signer, over });
    store.build().map_err(|error| Error::internal("opening the bucket", error))
}

/// An HTTP client that signs its requests.
#[derive(Clone, Debug)]
struct Signed {
    signer: Signer,
    over: SharedHttpConnector,
}

impl HttpConnector for Signed {
    fn connect(&self, _: &ClientOptions) -> StoreResult<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

impl HttpService for Signed {
    /// Collects the whole body, because its hash is part of the signature.
    fn call<'s, 'f>(&'s self, request: HttpRequest) -> BoxFuture<'f, std::result::Result<HttpResponse, HttpError>>
    where
        's: 'f,
        Self: 'f,
    {
        let call = async move {
            let (parts, body) = request.into_parts();
            let mut request = http::Request::from_parts(parts, body.collect().await?.to_bytes());
            self.signer.sign(&mut request).map_err(|error| HttpError::new_boxed(HttpErrorKind::Request, error))?;
            let invalid = |error| HttpError::new(HttpErrorKind::Request, error);
            let request = request.map(SdkBody::from).try_into().map_err(invalid)?;
            let answer = self.over.call(request).await;
            let answer = answer.map_err(|error| HttpError::new(HttpErrorKind::Connect, error))?;
            let (parts, body) = answer.try_into_http1x().map_err(invalid)?.into_parts();
            let broken = |error| HttpError::new_boxed(HttpErrorKind::Interrupted, error);
            let bytes = body.collect().await.map_err(broken)?.to_bytes();
            Ok(HttpResponse::from_parts(parts, bytes.into()))
        };
        Box::pin(async move {
            let answer = timeout(within(CALL_TIMEOUT), call).await;
            answer.unwrap_or_else(|late| Err(HttpError::new(HttpErrorKind::Timeout, late)))
        })
    }
}

/// AWS Signature Version 4 with the rules of S3: the hash of the body in a header, and no further encoding of paths.
#[derive(Clone, Debug)]
struct Signer {
    region: String,
    identity: Identity,
}

impl Signer {
    #[expect(clippy::disallowed_methods, reason = "S3 compares with its own clock, as the SDK's signatures do")]
    fn sign(
        &self,
        request: &mut http::Request<Bytes>,
    ) -> std::result::Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let mut settings = SigningSettings::default();
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let parameters = v4::SigningParams::builder().identity(&self.identity).region(&self.region).name("s3");
        let parameters = parameters.time(SystemTime::now()).settings(settings).build()?.into();
        let headers = request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let (method, uri) = (request.method().as_str(), request.uri().to_string());
        let signable = SignableRequest::new(method, uri, headers, SignableBody::Bytes(request.body()))?;
        let (instructions, _) = sign(signable, &parameters)?.into_parts();
        instructions.apply_to_request_http1x(request);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use object_store::ObjectStoreExt as _;
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
    async fn objects_round_trip_signed_on_one_connection() {
        let (endpoint, serving) = bucket(2);
        let credentials = Credentials::new("id", "secret", None, None, "test");
        let store = open_bucket(format!("{endpoint}/bench"), "us-east-1", &credentials).unwrap();
        let value = Bytes::from(vec![7; 100_000]);
        store.put(&Path::from("a/b"), value.clone().into()).await.unwrap();
        assert_eq!(store.get(&Path::from("a/b")).await.unwrap().bytes().await.unwrap(), value);
        assert_eq!(serving.join().unwrap(), ["PUT /bench/a/b HTTP/1.1", "GET /bench/a/b HTTP/1.1"]);
    }
}
