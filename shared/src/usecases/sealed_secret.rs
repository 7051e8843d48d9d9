//! Encrypts stored secrets with the deployment's sealing key.

use crate::domain::{Error, Result, SecretText};
use crate::runtime::App;

impl App {
    /// Encrypts a secret, with `bound_to` as associated data.
    pub fn seal_secret(&self, secret: &SecretText, bound_to: &str) -> Result<Vec<u8>> {
        self.providers.sealing()?.seal(secret.reveal().as_bytes(), bound_to, self.random.bytes()?)
    }

    /// Decrypts a secret that [`Self::seal_secret`] encrypted with the same `bound_to`.
    ///
    /// # Errors
    /// Internal if its key is no longer configured or the sealed text was changed.
    pub fn open_secret(&self, sealed: &[u8], bound_to: &str) -> Result<SecretText> {
        let text = self.providers.sealing()?.open(sealed, bound_to);
        let text = text.ok_or(Error::bug("a sealed secret could not be decrypted"))?;
        // Only text was sealed.
        let text = std::str::from_utf8(&text).map_err(|_| Error::bug("a sealed secret is not UTF-8"))?;
        Ok(SecretText::new(text.to_owned()))
    }
}
