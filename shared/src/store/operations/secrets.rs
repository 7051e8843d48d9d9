//! The sealed secrets of an installation: the one that authenticates its webhooks, and the access token that reads its
//! repositories. They are separate from the installation's item, because many functions read that.

use super::super::client::Store;
use super::super::error::Failure;
use super::super::item::{Attributes, Item, b, n, s};
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
        let put = self.db.put_item().table_name(&self.tables.operations);
        let put = put.set_item(Some(encode(namespace, which, &fresh, by, now)));
        match put.condition_expression("attribute_not_exists(pk)").send().await.map_err(Failure::of_put) {
            Err(Failure::Condition(_)) => {
                let known = self.find_installation_secret(namespace, which).await?;
                known.ok_or(Error::corrupt_item("an installation's secret vanished while it was being created"))
            }
            Err(failure) => Err(failure.into()),
            Ok(_) => Ok(fresh),
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
        let put = self.db.put_item().table_name(&self.tables.operations);
        let put = put.set_item(Some(encode(namespace, which, sealed, by, now)));
        put.send().await.map_err(Failure::of_put)?;
        Ok(())
    }
}

fn encode(namespace: Namespace, which: InstallationSecret, sealed: &[u8], by: UserId, now: Millis) -> Item {
    Item::from([
        (keys::PK.into(), s(keys::installation(namespace))),
        (keys::SK.into(), s(which.sort_key())),
        ("entity".into(), s("installation-secret")),
        ("schema".into(), n(1)),
        ("sealed".into(), b(sealed)),
        ("by".into(), s(by.to_string())),
        ("at".into(), n(now.0)),
    ])
}
