//! The sealed secrets of an installation: the one that authenticates its webhooks, and the access token that reads its
//! repositories. They are separate from the installation's item, because many functions read that.

use super::super::client::Store;
use super::super::error::Failure;
use super::super::item::{self, Attributes, Item, b, n, s};
use super::super::keys;
use crate::domain::{Error, Millis, Namespace, Result, UserId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstallationSecret {
    /// Authenticates the installation's webhooks.
    Webhook,
    /// Reads the installation's repositories.
    AccessToken,
}

impl InstallationSecret {
    fn sort_key(self) -> &'static str {
        match self {
            Self::Webhook => keys::WEBHOOK_SECRET,
            Self::AccessToken => keys::ACCESS_TOKEN,
        }
    }

    /// The associated data under which the secret is sealed.
    pub fn binding(self, namespace: Namespace) -> String {
        format!("{}#{}", keys::installation(namespace), self.sort_key())
    }
}

impl Store {
    pub async fn find_installation_secret(
        &self,
        namespace: Namespace,
        which: InstallationSecret,
    ) -> Result<Option<Vec<u8>>> {
        let sort_key = s(which.sort_key());
        let item = self.get(&self.tables.operations, s(keys::installation(namespace)), sort_key).await?;
        item.map(|item| item.bytes("sealed").map(<[u8]>::to_vec)).transpose()
    }

    /// Stores `fresh` unless the secret exists. Returns the stored secret.
    pub async fn find_or_create_installation_secret(
        &self,
        namespace: Namespace,
        which: InstallationSecret,
        fresh: Vec<u8>,
        (by, now): (UserId, Millis),
    ) -> Result<Vec<u8>> {
        let item = encode(namespace, which, &fresh, by, now);
        match self.put_if(&self.tables.operations, item, "attribute_not_exists(pk)").await {
            Err(Failure::Condition(_)) => {
                let known = self.find_installation_secret(namespace, which).await?;
                known.ok_or(Error::corrupt_item("an installation's secret vanished while it was being created"))
            }
            Err(failure) => Err(failure.into()),
            Ok(()) => Ok(fresh),
        }
    }

    /// Stores a sealed secret, replacing an earlier one, with the user who did it and when.
    pub async fn put_installation_secret(
        &self,
        namespace: Namespace,
        which: InstallationSecret,
        sealed: &[u8],
        (by, now): (UserId, Millis),
    ) -> Result<()> {
        self.put(&self.tables.operations, encode(namespace, which, sealed, by, now)).await
    }
}

fn encode(namespace: Namespace, which: InstallationSecret, sealed: &[u8], by: UserId, now: Millis) -> Item {
    let key = item::key(keys::installation(namespace), which.sort_key());
    let attributes = [("sealed", b(sealed)), ("by", s(by.to_string())), ("at", n(now.0))];
    item::entity(key, "installation-secret", attributes)
}
