//! Pending sign-ins. Each is one item, under the hash of its state, and works once.

use aws_sdk_dynamodb::types::ReturnValue;
use uuid::Uuid;

use super::client::Store;
use super::error::Failure;
use super::item::{Attributes, Item, b, json, n, s};
use super::keys;
use crate::domain::{InstallationId, PendingSignIn, Result, ReturnTo, Seconds, Vcs};

impl Store {
    /// Stores a pending sign-in. Its state is the hash of random bits, so repeating the write changes nothing.
    pub async fn put_sign_in(&self, sign_in: &PendingSignIn) -> Result<()> {
        let put = self.db.put_item().table_name(&self.tables.identity);
        let put = put.item(keys::PK, s(keys::sign_in(&sign_in.state))).item(keys::SK, s(keys::SIGN_IN));
        let put = put.item("entity", s("sign-in")).item("schema", n(1)).item("vcs", json(&sign_in.vcs)?);
        let put = put.item("browser", b(sign_in.browser)).item("return_to", s(sign_in.return_to.as_str()));
        let put = put.item("installation", json(&sign_in.installation)?).item(keys::TTL, n(sign_in.ends_at.0));
        put.send().await.map_err(Failure::of)?;
        Ok(())
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
        let update = self.db.update_item().table_name(&self.tables.identity);
        let update = update.key(keys::PK, s(keys::sign_in(&state))).key(keys::SK, s(keys::SIGN_IN));
        let update = update.update_expression("SET taker = :taker").condition_expression(
            "browser = :browser AND vcs = :vcs AND #ttl > :now AND (attribute_not_exists(taker) OR taker = :taker)",
        );
        let update = update.expression_attribute_names("#ttl", keys::TTL);
        let update = update.expression_attribute_values(":taker", b(taker.into_bytes()));
        let update = update.expression_attribute_values(":browser", b(browser));
        let update = update.expression_attribute_values(":vcs", json(&vcs)?);
        let update = update.expression_attribute_values(":now", n(now.0));
        match update.return_values(ReturnValue::AllNew).send().await.map_err(Failure::of_update) {
            Ok(answer) => answer.attributes.map(|item| decode(state, browser, &item)).transpose(),
            Err(Failure::Condition(_)) => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }
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
