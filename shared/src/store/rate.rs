//! Rate budgets: one bucket for each limited subject, as the instant at which it is full again.
//!
//! An update can add to that instant, and it can set it, but it cannot take the later of two; so a bucket in use and a
//! bucket at rest take different updates. Whoever guesses wrong is handed the item as it is, and guesses once more.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::client::Store;
use super::error::Failure;
use super::item::{Attributes, n, s};
use super::keys;
use crate::domain::rate::{Limit, RateLimitKey, Report};
use crate::domain::{Error, Micros, Result};

/// How often a guess may be wrong: others may use the bucket or let it rest in between.
const GUESSES: usize = 3;
/// An item outlives the instant at which it says no more than its absence by this many seconds.
const KEPT_SECONDS: i64 = 60;

impl Store {
    /// Charges a subject's bucket for requests that were let through: when it is full now. A bucket that is overdrawn too
    /// far stays as it is.
    ///
    /// The call is not repeated when it fails: it may have taken effect.
    ///
    /// # Errors
    /// Unavailable: storage did not answer, or others changed the bucket under each of several calls.
    pub async fn charge_budget(
        &self,
        subject: &RateLimitKey,
        limit: &Limit,
        report: Report,
        now: Micros,
    ) -> Result<Micros> {
        let mut full_at = report.full_at;
        for _ in 0..GUESSES {
            let sent = self.charge(subject, limit, Report { full_at, ..report }, now).send().await;
            let seen = match sent.map_err(Failure::of_update) {
                Ok(answer) => return answer.attributes.unwrap_or_default().number(FULL_AT).map(Micros),
                Err(Failure::Condition(item)) => item.and_then(|item| item.find_number(FULL_AT)).map(Micros),
                Err(failure) => return Err(failure.into()),
            };
            // What is absurd is at rest, too.
            full_at = seen.filter(|seen| *seen <= limit.absurd(now)).unwrap_or(Micros(0));
            if full_at > limit.most(now) {
                return Ok(full_at);
            }
        }
        Err(Error::unavailable("a budget changed under each of several calls"))
    }

    fn charge(&self, subject: &RateLimitKey, limit: &Limit, report: Report, now: Micros) -> UpdateItemFluentBuilder {
        let end = limit.most(now).seconds().plus(KEPT_SECONDS);
        let cost = limit.refill(report.tokens);
        let update = self.db_once.update_item().table_name(&self.tables.identity);
        let update = update
            .key(keys::PK, s(keys::budget(subject)))
            .key(keys::SK, s(keys::BUDGET))
            .expression_attribute_names("#ttl", keys::TTL)
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_values(":ttl", n(end.0))
            .expression_attribute_values(":entity", s("rate-budget"))
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":since", n(report.since.0))
            .return_values(ReturnValue::UpdatedNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if report.full_at > report.since {
            update
                .update_expression(format!("SET full_at = full_at + :cost, {SET_ALWAYS}"))
                .condition_expression("full_at > :since AND full_at <= :most")
                .expression_attribute_values(":cost", n(cost))
                .expression_attribute_values(":most", n(limit.most(now).0))
        } else {
            update
                .update_expression(format!("SET full_at = :full_at, {SET_ALWAYS}"))
                .condition_expression("attribute_not_exists(full_at) OR full_at <= :since OR full_at > :absurd")
                .expression_attribute_values(":full_at", n(report.since.plus(cost).0))
                .expression_attribute_values(":absurd", n(limit.absurd(now).0))
        }
    }
}

const FULL_AT: &str = "full_at";
const SET_ALWAYS: &str = "#ttl = :ttl, #schema = :one, entity = :entity";
