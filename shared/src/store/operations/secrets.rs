//! What an installation's own secrets are, sealed: with what its webhooks show who they are, and with what its
//! repositories are read. Apart from the installation's item, which many read.

use super::super::client::Store;
use super::super::error::Failure;
use super::super::item::{Attributes, Item, b, n, s};
use super::super::keys;
use crate::domain::{Error, Millis, Namespace, Result, UserId};

/// Which of an installation's secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstallationSecret {
    /// What its webhooks carry.
    Webhook,
    /// What its repositories are read with.
    AccessToken,
}

impl InstallationSecret {
    fn place(self) -> &'static str {
        match self {
            Self::Webhook => keys::WEBHOOK_SECRET,
            Self::AccessToken => keys::ACCESS_TOKEN,
        }
    }

    /// What the sealed text is bound to.
    pub fn binding(self, namespace: Namespace) -> String {
        format!("{}#{}", keys::installation(namespace), self.place())
    }
}

impl Store {
    /// The sealed secret, if there is one.
    pub async fn find_installation_secret(
        &self,
        namespace: Namespace,
        which: InstallationSecret,
    ) -> Result<Option<Vec<u8>>> {
        let place = s(which.place());
        let item = self.get(&self.tables.operations, s(keys::installation(namespace)), place).await?;
        item.map(|item| item.bytes("sealed").map(<[u8]>::to_vec)).transpose()
    }

    /// Writes a sealed secret unless there is one; the one that is there from then on.
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
                known.ok_or(Error::corrupt_item("an installation's secret is gone"))
            }
            Err(failure) => Err(failure.into()),
            Ok(_) => Ok(fresh),
        }
    }

    /// Writes a sealed secret in place of what was there, with who did and when.
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
        (keys::SK.into(), s(which.place())),
        ("entity".into(), s("installation-secret")),
        ("schema".into(), n(1)),
        ("sealed".into(), b(sealed)),
        ("by".into(), s(by.to_string())),
        ("at".into(), n(now.0)),
    ])
}
