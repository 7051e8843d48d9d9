//! Randomness and the identifiers made of it.
#![expect(clippy::disallowed_types, reason = "this is the source")]

use ring::rand::{SecureRandom, SystemRandom};
use uuid::{Builder, Uuid};

use crate::domain::{Error, Millis, Result};

/// The operating system's generator.
#[derive(Clone, Debug)]
pub struct Random(SystemRandom);

impl Default for Random {
    fn default() -> Self {
        Self(SystemRandom::new())
    }
}

impl Random {
    /// Fresh random bytes.
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes).map_err(|_| Error::bug("the system has no randomness"))?;
        Ok(bytes)
    }

    /// A random id (RFC 9562 version 4).
    pub fn id(&self) -> Result<Uuid> {
        Ok(Builder::from_random_bytes(self.bytes()?).into_uuid())
    }

    /// A random id that begins with the time (RFC 9562 version 7).
    pub fn timed_id(&self, now: Millis) -> Result<Uuid> {
        let millis = u64::try_from(now.0).unwrap_or_default();
        Ok(Builder::from_unix_timestamp_millis(millis, &self.bytes()?).into_uuid())
    }
}
