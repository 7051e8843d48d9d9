//! HTTPS to AWS, trusting Amazon's own roots and nobody else: reading a machine's whole trust store takes most of a
//! client's set-up, on every cold start.
//!
//! The roots are those of <https://www.amazontrust.com/repository/>; AWS's endpoints lead to no others. They end in 2037
//! and later.

use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::domain::{Error, Result};

const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");
const PROVIDER: Provider = Provider::Rustls(CryptoMode::Ring);

/// A client for the SDK.
pub fn https_client() -> Result<SharedHttpClient> {
    Ok(Builder::new().tls_provider(PROVIDER).tls_context(context()?).build_https())
}

/// A connector for whoever is not the SDK.
pub fn https_connector() -> Result<Connector> {
    Ok(Connector::builder().tls_provider(PROVIDER).tls_context(context()?).build())
}

fn context() -> Result<TlsContext> {
    let roots = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    let context = TlsContext::builder().with_trust_store(roots).build();
    context.map_err(|error| Error::internal("reading Amazon's roots", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_root_can_be_read() {
        // The SDK panics over one that cannot, but only when a client is made.
        https_connector().unwrap();
        assert_eq!(AMAZON_ROOTS.windows(10).filter(|window| window == b"-----BEGIN").count(), 5);
    }
}
