//! RS256 (RFC 7518 §3.3), which GitHub requires of an App. Separate from [`super::ed25519`], so that functions that
//! only verify this service's own tokens do not link RSA.
#![expect(clippy::disallowed_types, reason = "ring blinds the computation with it; the signature is the same for any")]

use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use zeroize::Zeroizing;

use crate::domain::{Error, Result};

/// A private RSA key, without `Debug`.
pub struct RsaKey(RsaKeyPair);

impl RsaKey {
    /// Parses PEM in PKCS #1 (as GitHub issues it) or PKCS #8. Its line breaks may have been replaced by `\n`, spaces
    /// or nothing, which happens in environment variables and in JSON.
    ///
    /// # Errors
    /// The problem, as the predicate of a sentence: not PEM, not RSA, or fewer than 2048 bits. Never contains a part of
    /// the key.
    pub fn from_pem(text: &str) -> std::result::Result<Self, &'static str> {
        let text = Zeroizing::new(restore_lines(text).ok_or("is not PEM")?);
        let der = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| "is not PEM")?;
        let pair = match &der {
            PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
            PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
            _ => return Err("is not an RSA key"),
        };
        pair.map(Self).map_err(|_| "is not an RSA key of 2048 bits or more")
    }

    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let mut signature = vec![0; self.0.public().modulus_len()];
        let signed = self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature);
        signed.map_err(|_| Error::bug("signing with the App's key"))?;
        Ok(signature)
    }
}

/// Restores the line breaks of the first PEM block: the label, the body and the end on lines of their own (RFC 7468
/// §3).
fn restore_lines(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once("-----END ")?;
    let body = body.replace("\\r", "").replace("\\n", "");
    let body: String = body.split_whitespace().collect();
    Some(format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = include_str!("../../../tests/data/github/app.pem");

    #[test]
    fn pem_on_one_line_is_the_same_key() {
        let signature = |text: &str| RsaKey::from_pem(text).unwrap().sign(b"message").unwrap();
        let expected = signature(PEM);
        for line_break in ["\\n", "\\r\\n", " ", "\r\n", "\t", ""] {
            assert_eq!(signature(&PEM.replace('\n', line_break)), expected, "{line_break:?}");
        }
        assert_eq!(signature(&format!("  {PEM}\n\n")), expected);
    }

    #[test]
    fn text_without_an_rsa_key_is_refused() {
        for text in ["", "MIIE", "-----BEGIN RSA PRIVATE KEY-----", &PEM[..PEM.len() / 2]] {
            assert_eq!(RsaKey::from_pem(text).err(), Some("is not PEM"), "{text}");
        }
        let garbage = "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----";
        assert_eq!(RsaKey::from_pem(garbage).err(), Some("is not an RSA key of 2048 bits or more"));
    }
}
