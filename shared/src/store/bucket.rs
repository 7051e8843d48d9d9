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
