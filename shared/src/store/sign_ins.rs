//! Pending sign-ins. Each is one item, under the hash of its state, and works once.

use aws_sdk_dynamodb::types::ReturnValue;
use uuid::Uuid;

use super::client::Store;
use super::error::Failure;
use super::item::{self, Attributes, Item, b, json, n, s};
use super::keys;
use super::update::Update;
use crate::domain::{InstallationId, PendingSignIn, Result, ReturnTo, Seconds, Vcs};

impl Store {
    /// Stores a pending sign-in. Its state is the hash of random bits, so repeating the write changes nothing.
    pub async fn put_sign_in(&self, sign_in: &PendingSignIn) -> Result<()> {
        let attributes = [
            ("vcs", json(&sign_in.vcs)?),
            ("browser", b(sign_in.browser)),
            ("return_to", s(sign_in.return_to.as_str())),
            ("installation", json(&sign_in.installation)?),
            (keys::TTL, n(sign_in.ends_at.0)),
        ];
        self.put(&self.tables.identity, item::entity(key(&sign_in.state), "sign-in", attributes)).await
    }

    /// Consumes a pending sign-in when its browser returns. This succeeds once. `taker` names the attempt, so a retry
    /// after a lost answer recognises its own write.
    ///
    /// Returns `None` if there is no such sign-in for this browser and provider, if it has expired, or if it was
    /// consumed before.
    pub async fn consume_sign_in(
        &self,
        state: [u8; 32],
        browser: [u8; 32],
        vcs: Vcs,
        taker: Uuid,
        now: Seconds,
    ) -> Result<Option<PendingSignIn>> {
        let update = Update::new(&self.tables.identity, key(&state), "SET taker = :taker")
            .condition(
                "browser = :browser AND vcs = :vcs AND #ttl > :now AND (attribute_not_exists(taker) OR taker = :taker)",
            )
            .values([(":taker", b(taker.into_bytes())), (":browser", b(browser))])
            .values([(":vcs", json(&vcs)?), (":now", n(now.0))]);
        match update.returning(ReturnValue::AllNew).send(self).await {
            Ok(item) => decode(state, browser, &item).map(Some),
            Err(Failure::Condition(_)) => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }
}

fn key(state: &[u8; 32]) -> Item {
    item::key(keys::sign_in(state), keys::SIGN_IN)
}

fn decode(state: [u8; 32], browser: [u8; 32], item: &Item) -> Result<PendingSignIn> {
    Ok(PendingSignIn {
        state,
        browser,
        vcs: item.parsed("vcs")?,
        return_to: ReturnTo::new(Some(item.text("return_to")?)),
        installation: item.parsed::<Option<InstallationId>>("installation")?,
        ends_at: Seconds(item.number(keys::TTL)?),
    })
}
