//! Secrets that are kept for others, sealed under the deployment's key.

use crate::domain::{Error, Result, SecretText};
use crate::runtime::App;

impl App {
    /// Seals a secret for the place it is kept in.
    pub fn seal_secret(&self, secret: &SecretText, bound_to: &str) -> Result<Vec<u8>> {
        self.providers.sealing()?.seal(secret.reveal().as_bytes(), bound_to, self.random.bytes()?)
    }

    /// Opens what [`Self::seal_secret`] sealed for this place.
    ///
    /// # Errors
    /// Internal: the key is not held any longer, or somebody changed what was kept.
    pub fn open_secret(&self, sealed: &[u8], bound_to: &str) -> Result<SecretText> {
        let text = self.providers.sealing()?.open(sealed, bound_to);
        let text = text.ok_or(Error::bug("a sealed secret does not open"))?;
        // What was sealed was text.
        let text = std::str::from_utf8(&text).map_err(|_| Error::bug("a sealed secret is malformed"))?;
        Ok(SecretText::new(text.to_owned()))
    }
}
