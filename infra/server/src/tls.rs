//! HTTPS with a certificate from files.

use axum_server::tls_rustls::RustlsConfig;

use crate::error::{Error, Result};
use crate::options::ServeOptions;

/// The certificate and its key. `None` to serve plain HTTP.
///
/// # Errors
/// [`Error::Certificate`].
pub async fn load(options: &ServeOptions) -> Result<Option<RustlsConfig>> {
    let (Some(certificate), Some(key)) = (&options.tls_certificate, &options.tls_key) else { return Ok(None) };
    let loaded = RustlsConfig::from_pem_file(certificate, key).await;
    loaded.map(Some).map_err(|source| Error::Certificate { certificate: certificate.clone(), source })
}

/// Reads the files again. If they cannot be used, the current certificate stays in use.
pub async fn reload(config: &RustlsConfig, options: &ServeOptions) {
    let (Some(certificate), Some(key)) = (&options.tls_certificate, &options.tls_key) else { return };
    match config.reload_from_pem_file(certificate, key).await {
        Ok(()) => tracing::info!("the certificate was read again"),
        Err(error) => tracing::error!(%error, "the certificate could not be read again; the current one stays in use"),
    }
}
