//! The AWS SDK's HTTP client, which trusts only Amazon's own root certificates: loading the trust store of the machine
//! would take most of a client's set-up time at every cold start.
//!
//! The roots come from <https://www.amazontrust.com/repository/>, cover all of AWS's endpoints, and expire in 2037 or
//! later.

use std::time::Duration;

use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpClient, SharedHttpConnector};

use crate::domain::{Error, Result};

const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");
/// The timeout of connecting, TLS included. It is shorter than that of an attempt, which then fails with that reason.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The HTTP client of an SDK client for `endpoint`, or for AWS if that is absent.
pub fn http_client(endpoint: Option<&str>) -> Result<SharedHttpClient> {
    Ok(Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(trust(endpoint)?).build_https())
}

/// The same for object storage at `url`, which is not called through an SDK client.
pub fn http_connector(url: &str) -> Result<SharedHttpConnector> {
    let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).build();
    let connector = Connector::builder().connector_settings(settings).tls_provider(Provider::Rustls(CryptoMode::Ring));
    Ok(SharedHttpConnector::new(connector.tls_context(trust(Some(url))?).build()))
}

/// Amazon's roots, or none for plain HTTP, which does not need them.
fn trust(endpoint: Option<&str>) -> Result<TlsContext> {
    let plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
    let roots = TrustStore::empty();
    let roots = if plain { roots } else { roots.with_pem_certificate(AMAZON_ROOTS) };
    TlsContext::builder().with_trust_store(roots).build().map_err(|error| Error::internal("setting up TLS", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_root_certificate_is_parsed() {
        assert_eq!(AMAZON_ROOTS.windows(10).filter(|window| window == b"-----BEGIN").count(), 5);
        // The library panics if it cannot parse one.
        http_connector("https://bucket.s3.us-east-1.amazonaws.com").unwrap();
    }
}
