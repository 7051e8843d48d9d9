//! HTTP/1.1 to AWS, for the SDKs and the bucket. Only Amazon's own root certificates are trusted: loading the trust
//! store of the machine would take most of a client's set-up time at every cold start.
//!
//! The roots come from <https://www.amazontrust.com/repository/>, cover all of AWS's endpoints, and expire in 2037 or
//! later. The SDK's own HTTP client is not used because it brings HTTP/2: half a megabyte that no endpoint here needs.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector as SdkConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{CaptureConnection, Connected, HttpConnector, HttpInfo, capture_connection};
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore, crypto};

use crate::domain::{Error, Result};

const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");
/// The SDK's timeouts cover whole attempts. This shorter one makes an attempt that cannot connect fail with that
/// reason.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// A process has several clients. The first one parses the roots for all.
static TRUSTED: OnceLock<Arc<RootCertStore>> = OnceLock::new();

/// Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct AwsHttp(Client<HttpsConnector<HttpConnector>, SdkBody>);

impl AwsHttp {
    /// A client for `endpoint`, or for AWS if that is absent. A client for plain HTTP loads no roots.
    pub fn new(endpoint: Option<&str>) -> Result<Self> {
        let plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
        let roots = if plain { Arc::new(RootCertStore::empty()) } else { amazon_roots()? };
        let tls = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()));
        let tls =
            tls.with_safe_default_protocol_versions().map_err(|error| Error::internal("setting up TLS", error))?;
        let tls = tls.with_root_certificates(roots).with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        tcp.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector.wrap_connector(tcp))))
    }

    /// Sends a request and returns the head of the answer; the body is read later.
    ///
    /// After a failed attempt the SDK closes the connection, because the late answer could be taken for that of the
    /// next request. It finds the connection through an extension of the request.
    pub async fn send(&self, mut request: http::Request<SdkBody>) -> Result<http::Response<SdkBody>, ConnectorError> {
        let captured = capture_connection(&mut request);
        if let Some(wanted) = request.extensions().get::<CaptureSmithyConnection>() {
            wanted.set_connection_retriever(move || Some(metadata(&captured)));
        }
        let answer = self.0.request(request).await.map_err(|error| ConnectorError::io(error.into()))?;
        Ok(answer.map(SdkBody::from_body_1_x))
    }
}

/// What the SDK needs of a connection: the addresses of both ends, and a function that closes it. A connection that was
/// never established has nothing to close.
fn metadata(captured: &CaptureConnection) -> ConnectionMetadata {
    let ends = |connected: &Connected| {
        let mut extras = http::Extensions::new();
        connected.get_extras(&mut extras);
        extras.get::<HttpInfo>().map(|info| (info.local_addr(), info.remote_addr()))
    };
    let ends = captured.connection_metadata().as_ref().and_then(ends);
    let captured = captured.clone();
    let close = move || captured.connection_metadata().iter().for_each(Connected::poison);
    let mut metadata = ConnectionMetadata::builder().proxied(false).poison_fn(close);
    metadata.set_local_addr(ends.map(|(local, _)| local)).set_remote_addr(ends.map(|(_, remote)| remote));
    metadata.build()
}

impl HttpClient for AwsHttp {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl SdkConnector for AwsHttp {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let answer = client.send(request).await?;
            HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

fn amazon_roots() -> Result<Arc<RootCertStore>> {
    if let Some(known) = TRUSTED.get() {
        return Ok(Arc::clone(known));
    }
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(AMAZON_ROOTS) {
        let root = root.map_err(|error| Error::internal("reading Amazon's roots", error))?;
        roots.add(root).map_err(|error| Error::internal("trusting Amazon's roots", error))?;
    }
    Ok(Arc::clone(TRUSTED.get_or_init(|| Arc::new(roots))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_root_certificate_is_parsed() {
        assert_eq!(amazon_roots().unwrap().len(), 5);
        assert_eq!(AMAZON_ROOTS.windows(10).filter(|window| window == b"-----BEGIN").count(), 5);
    }
}
