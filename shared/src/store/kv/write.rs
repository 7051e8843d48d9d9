//! Writes: the fast way first, then as often as it takes, judging the item as it was read.

use std::time::Duration;

use aws_sdk_dynamodb::types::{ConditionCheck, Put, TransactWriteItem};
use tokio::time::{Instant, sleep};

use super::head::{Head, Publication};
use super::item;
use crate::domain::kv::{Address, Expect, Outcome, RecordState, Refusal, Verdict, Write, WriteId, decide};
use crate::domain::{Code, Error, Namespace, Result};
use crate::store::client::Store;
use crate::store::error::Failure;
use crate::store::item::{Item, b, n, s};
use crate::store::keys::{self, PK, SK};

/// How long a write tries, repetitions included.
const PATIENCE: Duration = Duration::from_secs(5);
/// The first pause between tries; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(320);
/// How far the clocks of two sandboxes may be apart, in milliseconds.
const CLOCK_SKEW_MS: u64 = 10_000;

impl Store {
    /// Writes one record.
    ///
    /// # Errors
    /// The outer result: storage failed. [`Code::Unavailable`] when nothing was changed, [`Code::OutcomeUnknown`] when
    /// that could not be learnt. The inner one: the write was refused.
    pub async fn write_record(
        &self,
        namespace: Namespace,
        address: &Address,
        write: &Write<'_>,
    ) -> Result<Result<Outcome, Refusal>> {
        let mut attempt = Attempt::new();
        let mut seen = match self.write_plainly(namespace, address, write).await {
            Ok(outcome) => return Ok(Ok(outcome)),
            Err(Failure::Condition(old)) => Some(old),
            Err(failure) => attempt.note(failure)?,
        };
        loop {
            let old = match seen.take() {
                Some(old) => old,
                None => self.find_item(namespace, address).await.map_err(|error| attempt.explain(error))?,
            };
            let judged = self.judge(namespace, old.as_ref(), write).await;
            let Some(judged) = judged.map_err(|error| attempt.explain(error))? else {
                attempt.pause().await?;
                continue;
            };
            if attempt.uncertain
                && !matches!(judged.verdict, Verdict::Done(_))
                && may_have_been_forgotten(judged.record.as_ref(), write)
            {
                return Err(unknown());
            }
            let (next, outcome) = match judged.verdict {
                Verdict::Done(outcome) => return Ok(Ok(outcome)),
                Verdict::Refused(refusal) => return Ok(Err(refusal)),
                Verdict::Apply(next, outcome) => (next, outcome),
            };
            let replaced =
                self.replace(namespace, address, judged.record.as_ref(), &next, judged.unpublished_at.as_ref()).await;
            match replaced {
                Ok(()) => return Ok(Ok(outcome)),
                // Somebody wrote in between, which is progress: judge again, with a pause only under contention.
                Err(Failure::Condition(_)) => attempt.pause().await?,
                Err(failure) => {
                    attempt.note::<()>(failure)?;
                    attempt.pause().await?;
                }
            }
        }
    }

    /// Judges a write against the item as it was read, folding a draft that has been published. Nothing when the item
    /// must be read again.
    async fn judge(&self, namespace: Namespace, old: Option<&Item>, write: &Write<'_>) -> Result<Option<Judged>> {
        let mut record = old.map(item::decode).transpose()?;
        let mut unpublished_at = None;
        if let Some(draft) = record.as_ref().and_then(|record| record.draft.as_ref()) {
            let head = self.head(namespace).await?;
            match self.publication(namespace, &head, draft).await? {
                Publication::Published(seq) => record = record.map(|record| record.folded(seq)),
                Publication::Unpublished => unpublished_at = Some(head),
                Publication::HeadOutdated => return Ok(None),
            }
        }
        let verdict = decide(record.as_ref(), write);
        Ok(Some(Judged { record, unpublished_at, verdict }))
    }

    /// Puts `next` where `old` was judged to be. A draft taken to be unpublished must still be so: the head is checked
    /// in the same transaction.
    async fn replace(
        &self,
        namespace: Namespace,
        address: &Address,
        old: Option<&RecordState>,
        next: &RecordState,
        unpublished_at: Option<&Head>,
    ) -> Result<(), Failure> {
        let fault = |error: Box<dyn std::error::Error + Send + Sync>| Failure::Fault(error);
        let mut item = item::encode(next).map_err(|error| fault(error.into()))?;
        item.extend([(PK.into(), s(keys::records(namespace))), (SK.into(), b(keys::record(address)))]);
        let newest = old.and_then(|old| old.writes.first());
        let condition = if newest.is_some() { "w0 = :seen" } else { "attribute_not_exists(pk)" };
        let values = newest.map(|seen| [(":seen".to_owned(), item::write_id(*seen))].into());
        let Some(head) = unpublished_at else {
            let put = self.db_once.put_item().table_name(&self.tables.kv).set_item(Some(item));
            let put = put.condition_expression(condition).set_expression_attribute_values(values);
            return put.send().await.map(|_| ()).map_err(Failure::of_put);
        };
        let put = Put::builder().table_name(&self.tables.kv).set_item(Some(item));
        let put = put.condition_expression(condition).set_expression_attribute_values(values).build();
        let check = ConditionCheck::builder()
            .table_name(&self.tables.kv)
            .key(PK, s(keys::head(namespace)))
            .key(SK, b(keys::ONLY));
        let check = match head.seq {
            0 => check.condition_expression("attribute_not_exists(pk)"),
            seq => check.condition_expression("seq = :seq").expression_attribute_values(":seq", n(seq)),
        };
        let put = put.map_err(|error| fault(error.into()))?;
        let check = check.build().map_err(|error| fault(error.into()))?;
        let transaction = self.db_once.transact_write_items();
        let transaction = transaction.transact_items(TransactWriteItem::builder().condition_check(check).build());
        let transaction = transaction.transact_items(TransactWriteItem::builder().put(put).build());
        transaction.send().await.map(|_| ()).map_err(Failure::of_transaction)
    }
}

struct Judged {
    record: Option<RecordState>,
    unpublished_at: Option<Head>,
    verdict: Verdict,
}

/// What one write has been through.
struct Attempt {
    deadline: Instant,
    pause: Duration,
    /// Whether an earlier try may have taken effect.
    uncertain: bool,
}

impl Attempt {
    fn new() -> Self {
        Self { deadline: Instant::now() + PATIENCE, pause: FIRST_PAUSE, uncertain: false }
    }

    /// Takes a failed try into account; gives nothing, for the item is to be read again.
    fn note<T>(&mut self, failure: Failure) -> Result<Option<T>> {
        match failure {
            Failure::Fault(_) => Err(failure.into()),
            Failure::Ambiguous(source) => {
                self.uncertain = true;
                tracing::debug!(error = %source, "a write's answer was lost");
                Ok(None)
            }
            Failure::Busy(_) | Failure::Condition(_) => Ok(None),
        }
    }

    /// A failure to look what became of an earlier try leaves its outcome open.
    fn explain(&self, error: Error) -> Error {
        match error {
            Error::Unavailable { source, .. } if self.uncertain => {
                Error::Unavailable { code: Code::OutcomeUnknown, source }
            }
            other => other,
        }
    }

    async fn pause(&mut self) -> Result<()> {
        if Instant::now() + self.pause > self.deadline {
            let code = if self.uncertain { Code::OutcomeUnknown } else { Code::Unavailable };
            return Err(Error::Unavailable { code, source: None });
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}

/// Whether a write may have taken effect and since been pushed out of the record's memory.
///
/// It has not when the record remembers all there ever were, when it still remembers who made the version that this
/// write would have made, or when it remembers a write made before this one was, clocks considered.
fn may_have_been_forgotten(record: Option<&RecordState>, write: &Write<'_>) -> bool {
    let Some(record) = record else { return false };
    let Some(oldest) = record.writes.get(RecordState::REMEMBERED_WRITES - 1) else { return false };
    match write.expect {
        Expect::Version(expected) => !record.remembers(expected.next()),
        Expect::Anything | Expect::Absent => milliseconds(*oldest) + CLOCK_SKEW_MS > milliseconds(write.id),
    }
}

/// The first 48 bits of a version 7 id (RFC 9562 §5.7).
fn milliseconds(id: WriteId) -> u64 {
    id.0.as_u64_pair().0 >> 16
}

fn unknown() -> Error {
    Error::Unavailable { code: Code::OutcomeUnknown, source: None }
}
