//! Reads whole tables, for an operator's commands on one machine. No function does that: it costs as much as the table is
//! large.

use super::api_keys;
use super::client::Store;
use super::error::Failure;
use super::item::{Item, s};
use crate::domain::{ApiKeyRecord, Result};

/// How many items a page reads at most. Without a limit, the embedded engine would read the rest of the table for each
/// page.
const PAGE_ITEMS: i32 = 500;

/// Where the next page of a scan begins.
#[derive(Clone, Debug)]
pub struct ScanPosition(Item);

impl Store {
    /// A page of all API keys, in no particular order, and where the next page begins. A page may be empty although more
    /// follow.
    pub async fn scan_api_keys(
        &self,
        after: Option<ScanPosition>,
    ) -> Result<(Vec<ApiKeyRecord>, Option<ScanPosition>)> {
        let (items, next) = self.scan_page(&self.tables.identity, Some("api-key"), after).await?;
        Ok((items.iter().map(api_keys::decode_row).collect::<Result<_>>()?, next))
    }

    /// A page of a table, or of one entity in it.
    pub(super) async fn scan_page(
        &self,
        table: &str,
        entity: Option<&str>,
        after: Option<ScanPosition>,
    ) -> Result<(Vec<Item>, Option<ScanPosition>)> {
        let scan = self.db.scan().table_name(table).consistent_read(true).limit(PAGE_ITEMS);
        let scan = match entity {
            Some(entity) => {
                scan.filter_expression("entity = :entity").expression_attribute_values(":entity", s(entity))
            }
            None => scan,
        };
        let answer = Box::pin(scan.set_exclusive_start_key(after.map(|after| after.0)).send());
        let answer = answer.await.map_err(Failure::of)?;
        Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key.map(ScanPosition)))
    }
}
