//! Rate budgets: one item for each limited caller. It stores the instant at which the caller's budget is full again.
//!
//! A DynamoDB update can add to that instant or set it, but cannot take the later of two values. So a budget that is in
//! use and one that is full need different updates. If the wrong one was sent, its condition fails, and the returned
//! item says which one to send.

use aws_sdk_dynamodb::types::ReturnValue;

use super::client::Store;
use super::error::Failure;
use super::item::{self, Attributes, n, s};
use super::keys;
use super::update::Update;
use crate::domain::rate::{Limit, RateLimitKey, Report};
use crate::domain::{Error, Micros, Result};

/// How many updates are tried: other sandboxes may charge the budget, or it may become full, in between.
const ATTEMPTS: usize = 3;
/// How many seconds an item is kept after the latest instant at which its budget can be full. From then on it says the
/// same as no item.
const RETENTION_SECONDS: i64 = 60;

impl Store {
    /// Charges a budget for requests that were let through, and returns the instant at which it is full again. A budget
    /// that is overdrawn too far is not charged further.
    ///
    /// The call is not retried, because an attempt whose answer was lost may have taken effect.
    ///
    /// # Errors
    /// Unavailable if DynamoDB did not answer, or if other sandboxes changed the budget before each attempt.
    pub async fn charge_budget(
        &self,
        subject: &RateLimitKey,
        limit: &Limit,
        report: Report,
        now: Micros,
    ) -> Result<Micros> {
        let mut full_at = report.full_at;
        for _ in 0..ATTEMPTS {
            let sent = self.charge(subject, limit, Report { full_at, ..report }, now).send_once(self).await;
            let stored = match sent {
                Ok(item) => return item.number(FULL_AT).map(Micros),
                Err(Failure::Condition(item)) => item.and_then(|item| item.find_number(FULL_AT)).map(Micros),
                Err(failure) => return Err(failure.into()),
            };
            // An instant too far in the future is a fault; the budget then counts as full.
            full_at = stored.filter(|stored| *stored <= limit.absurd(now)).unwrap_or(Micros(0));
            if full_at > limit.most(now) {
                return Ok(full_at);
            }
        }
        Err(Error::unavailable("a rate budget was changed concurrently before each attempt"))
    }

    fn charge(&self, subject: &RateLimitKey, limit: &Limit, report: Report, now: Micros) -> Update {
        let end = limit.most(now).seconds().plus(RETENTION_SECONDS);
        let cost = limit.refill(report.tokens);
        let update = |expression: String| {
            Update::new(&self.tables.identity, item::key(keys::budget(subject), keys::BUDGET), expression)
        };
        let update = if report.full_at > report.since {
            update(format!("SET full_at = full_at + :cost, {SET_ALWAYS}"))
                .condition("full_at > :since AND full_at <= :most")
                .values([(":cost", n(cost)), (":most", n(limit.most(now).0))])
        } else {
            update(format!("SET full_at = :full_at, {SET_ALWAYS}"))
                .condition("attribute_not_exists(full_at) OR full_at <= :since OR full_at > :absurd")
                .values([(":full_at", n(report.since.plus(cost).0)), (":absurd", n(limit.absurd(now).0))])
        };
        update
            .values([(":ttl", n(end.0)), (":entity", s("rate-budget")), (":one", n(1)), (":since", n(report.since.0))])
            .returning(ReturnValue::UpdatedNew)
            .returning_on_failure()
    }
}

pub(super) const FULL_AT: &str = "full_at";
const SET_ALWAYS: &str = "#ttl = :ttl, #schema = :one, entity = :entity";
