//! Random bytes and identifiers.
#![expect(clippy::disallowed_types, reason = "only this module generates random bytes")]

use ring::rand::{SecureRandom, SystemRandom};
use uuid::{Builder, Uuid};

use crate::domain::{Error, Millis, Result};

#[derive(Clone, Debug)]
pub struct Random(SystemRandom);

impl Default for Random {
    fn default() -> Self {
        Self(SystemRandom::new())
    }
}

impl Random {
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes).map_err(|_| Error::bug("the operating system returned no random bytes"))?;
        Ok(bytes)
    }

    /// A random UUID (RFC 9562 version 4).
    pub fn id(&self) -> Result<Uuid> {
        Ok(Builder::from_random_bytes(self.bytes()?).into_uuid())
    }

    /// A random UUID that begins with the time (RFC 9562 version 7).
    pub fn timed_id(&self, now: Millis) -> Result<Uuid> {
        let millis = u64::try_from(now.0).unwrap_or_default();
        Ok(Builder::from_unix_timestamp_millis(millis, &self.bytes()?).into_uuid())
    }
}
