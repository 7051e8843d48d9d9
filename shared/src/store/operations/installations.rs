//! Installations. The item also names the task of the refresh that is running (`refresh.rs`).

use aws_sdk_dynamodb::types::AttributeValue;

use super::super::client::Store;
use super::super::error::Failure;
use super::super::item::{self, Attributes, Item, json, n, s};
use super::super::keys;
use super::super::update::Update;
use crate::domain::{Installation, Millis, Namespace, Result, Seconds};

impl Store {
    pub async fn find_installation(&self, namespace: Namespace) -> Result<Option<Installation>> {
        let item = self.get_installation_item(namespace).await?;
        item.map(|item| decode(namespace, &item)).transpose()
    }

    pub(super) async fn get_installation_item(&self, namespace: Namespace) -> Result<Option<Item>> {
        self.get(&self.tables.operations, s(keys::installation(namespace)), s(keys::INSTALLATION)).await
    }

    /// Stores `fresh` unless the installation exists. Returns the stored installation.
    pub async fn find_or_create_installation(&self, fresh: &Installation) -> Result<Installation> {
        if let Some(known) = self.find_installation(fresh.namespace).await? {
            return Ok(known);
        }
        match self.put_if(&self.tables.operations, encode(fresh)?, "attribute_not_exists(pk)").await {
            // Another caller stored it, or an attempt of this write whose answer was lost.
            Err(Failure::Condition(Some(item))) => decode(fresh.namespace, &item),
            Err(failure) => Err(failure.into()),
            Ok(()) => Ok(fresh.clone()),
        }
    }

    /// Updates an installation. The time at which it was first seen and a running refresh are not changed.
    pub async fn put_installation(&self, installation: &Installation) -> Result<()> {
        let set = "SET entity = :entity, #schema = :schema, #name = :name, #state = :state, account = :account, \
                   tier = :tier, created_at = if_not_exists(created_at, :created_at), trial_ends_at = :trial_ends_at";
        let values = attributes(installation)?.map(|(name, value)| (format!(":{name}"), value));
        let update = Update::new(&self.tables.operations, key(installation.namespace), set).values(values);
        update.values([(":entity", s(ENTITY)), (":schema", n(1))]).send(self).await?;
        Ok(())
    }
}

const ENTITY: &str = "installation";

fn attributes(installation: &Installation) -> Result<[(&'static str, AttributeValue); 6]> {
    Ok([
        ("name", s(&installation.name)),
        ("state", json(&installation.state)?),
        ("account", json(&installation.account)?),
        ("tier", json(&installation.tier)?),
        ("created_at", n(installation.created_at.0)),
        ("trial_ends_at", installation.trial_ends_at.map_or(AttributeValue::Null(true), |end| n(end.0))),
    ])
}

fn encode(installation: &Installation) -> Result<Item> {
    Ok(item::entity(key(installation.namespace), ENTITY, attributes(installation)?))
}

pub(super) fn key(namespace: Namespace) -> Item {
    item::key(keys::installation(namespace), keys::INSTALLATION)
}

pub(super) fn decode(namespace: Namespace, item: &Item) -> Result<Installation> {
    Ok(Installation {
        namespace,
        name: item.text("name")?.to_owned(),
        state: item.parsed("state")?,
        account: item.parsed("account")?,
        tier: item.parsed("tier")?,
        created_at: Millis(item.number("created_at")?),
        trial_ends_at: item.find_number("trial_ends_at").map(Seconds),
    })
}
