//! RS256 (RFC 7518 §3.3), which GitHub asks of an App. Apart from [`super::ed25519`]: what signs for GitHub must not be
//! linked into functions that only verify our own tokens.
#![expect(clippy::disallowed_types, reason = "ring blinds the computation with it; the signature is the same for any")]

use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;

use crate::domain::{Error, Result};

/// A private RSA key. It has no `Debug` that shows it.
pub struct RsaKey(RsaKeyPair);

impl RsaKey {
    /// Reads PEM, in PKCS #1 (as GitHub hands it out) or PKCS #8. Line breaks may be written `\n`, as they are in
    /// variables that cannot hold any.
    ///
    /// # Errors
    /// Internal: not such a key, or one of fewer than 2048 bits.
    pub fn from_pem(text: &str) -> Result<Self> {
        let text = text.replace("\\n", "\n");
        let der = PrivateKeyDer::from_pem_slice(text.as_bytes());
        // The reader's own words may quote the text.
        let der = der.map_err(|_| Error::corrupt("the App's private key is not PEM"))?;
        let pair = match &der {
            PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
            PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
            _ => return Err(Error::corrupt("the App's private key is not RSA")),
        };
        pair.map(Self).map_err(|_| Error::corrupt("the App's private key is not an RSA key of 2048 bits or more"))
    }

    /// The signature of `message`.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let mut signature = vec![0; self.0.public().modulus_len()];
        let signed = self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature);
        signed.map_err(|_| Error::corrupt("signing with the App's key"))?;
        Ok(signature)
    }
}
