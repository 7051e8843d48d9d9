//! Checks what is stored: every item decodes, and items that refer to each other agree.
//!
//! Each entity has one small check, beside its table's other code: `check/identity.rs`, `organizations/check.rs`,
//! `kv/check.rs`, `operations/check.rs`. A table is read in pages, and what an item refers to is looked up, so memory is
//! bounded. The tables may change meanwhile: an item with a problem is read and checked again before the problem is
//! reported.

mod identity;

use std::time::Duration;

use tokio::time::sleep;

use super::client::Store;
use super::item::{Attributes, Item};
use super::keys::{PK, SK, TTL};
use super::scan::ScanPosition;
use crate::domain::kv::BlobRef;
use crate::domain::{Result, Seconds};

/// How many times an item with a problem is checked.
const ATTEMPTS: usize = 3;
/// The time between two of them: longer than a write takes.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckedTable {
    Identity,
    Kv,
    Operations,
}

impl CheckedTable {
    pub const ALL: [Self; 3] = [Self::Identity, Self::Kv, Self::Operations];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The data is damaged.
    Problem,
    /// Something is left over, for example from a deletion that was interrupted. It has no effect.
    Warning,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    /// The entity and the key of the item.
    pub item: String,
    pub text: String,
}

/// A page of items that were checked.
#[derive(Debug)]
pub struct CheckedPage {
    /// The number of items.
    pub items: usize,
    pub findings: Vec<Finding>,
    /// The objects that the items name.
    pub objects: Vec<BlobRef>,
    /// Where the next page begins. `None` after the last one.
    pub next: Option<ScanPosition>,
}

/// Finds the size of an object in bytes.
pub type ObjectSize<'a> = &'a (dyn Fn(&BlobRef) -> std::io::Result<u64> + Sync);

impl Store {
    /// Checks a page of a table.
    pub async fn check_page(
        &self,
        table: CheckedTable,
        after: Option<ScanPosition>,
        now: Seconds,
        object_size: ObjectSize<'_>,
    ) -> Result<CheckedPage> {
        let name = match table {
            CheckedTable::Identity => &self.tables.identity,
            CheckedTable::Kv => &self.tables.kv,
            CheckedTable::Operations => &self.tables.operations,
        };
        let (mut items, next) = self.scan_page(name, None, after).await?;
        let mut page = CheckedPage { items: items.len(), findings: Vec::new(), objects: Vec::new(), next };
        for attempt in 1..=ATTEMPTS {
            let mut suspicious = Vec::new();
            page.findings.clear();
            for item in items {
                let mut check = Check { store: self, table: name, item: &item, now, object_size, findings: Vec::new() };
                check.run(table).await?;
                let findings = check.findings;
                page.objects.extend(super::kv::named_objects(&item));
                if !findings.is_empty() {
                    page.findings.extend(findings);
                    suspicious.push(item);
                }
            }
            if suspicious.is_empty() || attempt == ATTEMPTS {
                break;
            }
            sleep(BETWEEN_ATTEMPTS).await;
            items = self.read_again(name, &suspicious).await?;
        }
        Ok(page)
    }

    /// The items as they are now, without those that were deleted.
    async fn read_again(&self, table: &str, items: &[Item]) -> Result<Vec<Item>> {
        let mut current = Vec::new();
        for item in items {
            if let (Some(pk), Some(sk)) = (item.get(PK), item.get(SK)) {
                current.extend(self.get(table, pk.clone(), sk.clone()).await?);
            }
        }
        Ok(current)
    }
}

/// The check of one item.
pub(super) struct Check<'a> {
    pub store: &'a Store,
    /// The name of its table.
    pub table: &'a str,
    pub item: &'a Item,
    pub now: Seconds,
    pub object_size: ObjectSize<'a>,
    findings: Vec<Finding>,
}

impl<'a> Check<'a> {
    async fn run(&mut self, table: CheckedTable) -> Result<()> {
        let Some(entity) = self.item.find_text("entity") else {
            self.problem("it has no entity");
            return Ok(());
        };
        let known = match table {
            CheckedTable::Identity => self.identity_item(entity).await? || self.organization_item(entity).await?,
            CheckedTable::Kv => self.kv_item(entity).await?,
            CheckedTable::Operations => self.operations_item(entity).await?,
        };
        self.require(known, "its entity is not one of this table");
        Ok(())
    }

    pub fn problem(&mut self, text: impl Into<String>) {
        self.report(Severity::Problem, text.into());
    }

    pub fn warn(&mut self, text: impl Into<String>) {
        self.report(Severity::Warning, text.into());
    }

    fn report(&mut self, severity: Severity, text: String) {
        self.findings.push(Finding { severity, item: name(self.item), text });
    }

    /// Reports a problem unless `holds`.
    pub fn require(&mut self, holds: bool, problem: &str) {
        if !holds {
            self.problem(problem);
        }
    }

    /// The value, or a problem.
    pub fn present<T>(&mut self, value: Option<T>, problem: &str) -> Option<T> {
        self.require(value.is_some(), problem);
        value
    }

    /// The decoded value, or a problem with the cause.
    pub fn decoded<T>(&mut self, decoded: Result<T>) -> Option<T> {
        match decoded {
            Ok(value) => Some(value),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
                self.problem(format!("it cannot be read: {error}{cause}"));
                None
            }
        }
    }

    /// Reports a problem unless the item is stored under `key`.
    pub fn require_key(&mut self, key: &Item) {
        let same = [PK, SK].iter().all(|name| self.item.get(*name) == key.get(*name));
        self.require(same, "its key does not agree with its contents");
    }

    /// Another item of the same table.
    pub async fn find(&self, key: &Item) -> Result<Option<Item>> {
        let (Some(pk), Some(sk)) = (key.get(PK).cloned(), key.get(SK).cloned()) else { return Ok(None) };
        self.store.get(self.table, pk, sk).await
    }

    /// Reports a problem unless another item exists and `agrees`.
    pub async fn require_item(&mut self, key: Item, problem: &str, agrees: impl Fn(&Item) -> bool) -> Result<()> {
        let found = self.find(&key).await?;
        self.require(found.as_ref().is_some_and(agrees), problem);
        Ok(())
    }

    /// Whether the item's time-to-live has passed. What it refers to may be gone already.
    pub fn expired(&self) -> bool {
        self.item.find_number::<i64>(TTL).is_some_and(|end| end <= self.now.0)
    }

    pub fn partition(&self) -> &'a str {
        self.item.find_text(PK).unwrap_or_default()
    }

    pub fn sort_key(&self) -> &'a str {
        self.item.find_text(SK).unwrap_or_default()
    }
}

/// The entity and the key, in one line.
fn name(item: &Item) -> String {
    let entity = item.find_text("entity").unwrap_or("item");
    let sort_key = match (item.find_text(SK), item.find_bytes(SK)) {
        (Some(text), _) => text.escape_debug().to_string(),
        (None, Some(bytes)) => bytes.escape_ascii().to_string(),
        (None, None) => String::new(),
    };
    format!("{entity} {} {sort_key}", item.find_text(PK).unwrap_or_default().escape_debug())
}
