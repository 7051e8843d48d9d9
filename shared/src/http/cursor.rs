//! Opaque cursors. Each is encrypted and bound to its listing, so that it reveals nothing of what a page has passed and opens
//! nowhere else. A cursor is a position, not a permission: every page is authorized anew.
//!
//! The key is derived from one random seed of the deployment, once per process.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::auth::SealingKeys;
use crate::domain::{Code, Error, Result, SecretText};
use crate::runtime::App;

/// Seals a position as a cursor. `bound_to` is a text that no two listings share.
///
/// # Errors
/// Unavailable: the seed could not be read.
pub async fn seal_cursor(app: &App, bound_to: &str, position: &[u8]) -> Result<String> {
    let sealed = sealing_keys(app).await?.seal(position, bound_to, app.random.bytes()?)?;
    Ok(URL_SAFE_NO_PAD.encode(sealed))
}

/// The position in a cursor that was sealed for `bound_to`.
///
/// # Errors
/// [`Code::InvalidCursor`] for anything else. Unavailable: the seed could not be read.
pub async fn open_cursor(app: &App, bound_to: &str, cursor: &str) -> Result<Zeroizing<Vec<u8>>> {
    let refused = || Error::invalid(Code::InvalidCursor);
    let sealed = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| refused())?;
    sealing_keys(app).await?.open(&sealed, bound_to).ok_or_else(refused)
}

async fn sealing_keys(app: &App) -> Result<&SealingKeys> {
    let fresh = || Ok(SecretText::new(URL_SAFE_NO_PAD.encode(app.random.bytes::<32>()?)));
    app.store.cursor_keys(fresh).await
}
