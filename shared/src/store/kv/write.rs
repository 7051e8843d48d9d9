//! Writes of records: first directly, then by judging the current item until a write succeeds.

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};

use super::attempt::Attempt;
use super::head::PublishedDrafts;
use super::item;
use crate::domain::kv::{Address, Outcome, RecordState, Refusal, Verdict, Write, decide};
use crate::domain::{Error, Namespace, Result};
use crate::store::client::Store;
use crate::store::error::Failure;
use crate::store::item::{Item, b, n};
use crate::store::transaction::require;

impl Store {
    /// Writes one record.
    ///
    /// # Errors
    /// The outer result fails if DynamoDB does: `UNAVAILABLE` if nothing was changed, `OUTCOME_UNKNOWN` if that could
    /// not be determined. The inner one fails if the write was refused.
    pub async fn write_record(
        &self,
        namespace: Namespace,
        address: &Address,
        write: &Write<'_>,
    ) -> Result<Result<Outcome, Refusal>> {
        let mut attempt = Attempt::new();
        let mut read = match self.write_plainly(namespace, address, write).await {
            Ok(outcome) => return Ok(Ok(outcome)),
            Err(Failure::Condition(old)) => Some(old),
            Err(failure) => {
                attempt.record_failure(failure)?;
                None
            }
        };
        loop {
            let old = match read.take() {
                Some(old) => old,
                None if attempt.uncertain => {
                    let item = self.fence(namespace, address, write, &mut attempt).await;
                    let item = item.map_err(Error::after_write)?;
                    // From here on, the write has either taken effect, which the item shows, or never will.
                    attempt.uncertain = false;
                    Some(item)
                }
                None => self.find_item(namespace, address).await?,
            };
            let judged = self.judge(namespace, address, old.as_ref(), write).await?;
            let (next, outcome) = match judged.verdict {
                Verdict::Done(outcome) => return Ok(Ok(outcome)),
                Verdict::Refused(refusal) => return Ok(Err(refusal)),
                Verdict::Apply(next, outcome) => (next, outcome),
            };
            match self.replace(namespace, address, judged.read.as_ref(), &next, judged.unpublished_at).await {
                Ok(()) => return Ok(Ok(outcome)),
                // Another write was faster, which is progress: judge again, after a backoff.
                Err(Failure::Condition(_)) => attempt.back_off().await?,
                Err(failure) => {
                    attempt.record_failure(failure)?;
                    attempt.back_off().await?;
                }
            }
        }
    }

    /// Judges a write against the item as it was read, with a published draft folded.
    ///
    /// If the record has changed since it was read, writing the result fails, so an accepted write needs no second
    /// read. A refusal writes nothing. If it depends on a draft, it must therefore be decided on a record that was read
    /// after the head.
    async fn judge(
        &self,
        namespace: Namespace,
        address: &Address,
        old: Option<&Item>,
        write: &Write<'_>,
    ) -> Result<Judged> {
        let record = old.map(item::decode).transpose()?;
        let verdict = decide(record.as_ref(), write);
        if matches!(verdict, Verdict::Done(_)) || record.as_ref().is_none_or(|record| record.draft.is_none()) {
            return Ok(Judged { read: record, unpublished_at: None, verdict });
        }
        let published = self.published_drafts(namespace, write.now).await?;
        let judged = judge_under(&published, record, write);
        if !matches!(judged.verdict, Verdict::Refused(_)) {
            return Ok(judged);
        }
        Ok(judge_under(&published, self.record(namespace, address).await?, write))
    }

    /// Replaces the record by `next` if it is still in the state `read`. If a draft was taken to be unpublished, the
    /// same transaction checks that the head has not changed.
    async fn replace(
        &self,
        namespace: Namespace,
        address: &Address,
        read: Option<&RecordState>,
        next: &RecordState,
        unpublished_at: Option<u64>,
    ) -> Result<(), Failure> {
        let fault = |error: Box<dyn std::error::Error + Send + Sync>| Failure::Fault(error);
        let mut item = item::encode(next).map_err(|error| fault(error.into()))?;
        item.extend(item::key(namespace, address));
        let (condition, values) = unchanged_condition(read);
        let Some(head) = unpublished_at else {
            let put = self.db_once.put_item().table_name(&self.tables.kv).set_item(Some(item));
            let put = put.condition_expression(condition).set_expression_attribute_values(values);
            return put.send().await.map(|_| ()).map_err(Failure::of_put);
        };
        let put = Put::builder().table_name(&self.tables.kv).set_item(Some(item));
        let put = put.condition_expression(condition).set_expression_attribute_values(values).build();
        let (table, head_key) = (&self.tables.kv, item::head_key(namespace));
        let check = match head {
            0 => require(table, head_key, "attribute_not_exists(pk)"),
            seq => require(table, head_key, ("seq = :seq", [(":seq", n(seq))])),
        };
        let put = put.map_err(|error| fault(error.into()))?;
        let check = check.map_err(|error| fault(error.into()))?;
        let transaction = self.db_once.transact_write_items().transact_items(check);
        let transaction = transaction.transact_items(TransactWriteItem::builder().put(put).build());
        transaction.send().await.map(|_| ()).map_err(Failure::of_transaction)
    }
}

/// A verdict and the state on which it was decided.
struct Judged {
    /// The record as it was read.
    read: Option<RecordState>,
    /// The sequence number of the head in which the draft was not published. `None` if there is no unpublished draft.
    unpublished_at: Option<u64>,
    verdict: Verdict,
}

fn judge_under(published: &PublishedDrafts, read: Option<RecordState>, write: &Write<'_>) -> Judged {
    let settled = read.clone().map(|record| published.settle(record));
    let staged = settled.as_ref().is_some_and(|record| record.draft.is_some());
    let verdict = decide(settled.as_ref(), write);
    Judged { read, unpublished_at: staged.then_some(published.seq), verdict }
}

/// The condition that the record is still in the state `read`. Every write changes `w0`, folding removes the draft, and
/// fencing changes `fence`.
fn unchanged_condition(read: Option<&RecordState>) -> (String, Option<Item>) {
    let Some(read) = read else { return ("attribute_not_exists(pk)".into(), None) };
    let mut values = Item::new();
    let mut unchanged = |attribute: &str, value: Option<AttributeValue>| match value {
        Some(value) => {
            values.insert(format!(":{attribute}"), value);
            format!("{attribute} = :{attribute}")
        }
        None => format!("attribute_not_exists({attribute})"),
    };
    let newest = unchanged("w0", read.writes.first().map(|write| item::write_id(*write)));
    let draft = unchanged("draft_id", read.draft.as_ref().map(|draft| b(draft.id.0.into_bytes())));
    let fence = unchanged("fence", (read.fence > 0).then(|| n(read.fence)));
    (format!("{newest} AND {draft} AND {fence}"), (!values.is_empty()).then_some(values))
}
