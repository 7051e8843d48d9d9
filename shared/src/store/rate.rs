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
use crate::domain::rate::{Limit, Subject};
use crate::domain::{Error, Micros, Result};

/// What a call for tokens came to. In either case: when the bucket is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// The tokens were taken out.
    Granted(Micros),
    /// There are too few.
    Refused(Micros),
}

/// How often a guess may be wrong: others may empty the bucket or let it rest in between.
const GUESSES: usize = 3;
/// An item outlives the instant at which it says no more than its absence by this many seconds.
const KEPT_SECONDS: i64 = 60;

impl Store {
    /// Takes `tokens` out of a subject's bucket: all of them or none.
    ///
    /// `full_at` is what the caller knows of the bucket. The call is not repeated when it fails: it may have taken effect.
    pub async fn lease(
        &self,
        subject: &Subject,
        limit: &Limit,
        tokens: i64,
        mut full_at: Micros,
        now: Micros,
    ) -> Result<Lease> {
        for _ in 0..GUESSES {
            let sent = self.take(subject, limit, tokens, full_at, now).send().await;
            let seen = match sent.map_err(Failure::of_update) {
                Ok(answer) => {
                    let attributes = answer.attributes.unwrap_or_default();
                    return Ok(Lease::Granted(Micros(attributes.number(FULL_AT)?)));
                }
                Err(Failure::Condition(item)) => item.and_then(|item| item.find_number(FULL_AT)).map(Micros),
                Err(failure) => return Err(failure.into()),
            };
            // What is absurd is at rest, too.
            full_at = seen.filter(|seen| *seen <= limit.absurd(now)).unwrap_or(Micros(0));
            if full_at > limit.room(now, tokens) {
                return Ok(Lease::Refused(full_at));
            }
        }
        Err(Error::unavailable("a budget changed under each of several calls"))
    }

    fn take(
        &self,
        subject: &Subject,
        limit: &Limit,
        tokens: i64,
        full_at: Micros,
        now: Micros,
    ) -> UpdateItemFluentBuilder {
        let end = limit.room(now, 0).seconds().plus(KEPT_SECONDS);
        let update = self.db_once.update_item().table_name(&self.tables.identity);
        let update = update
            .key(keys::PK, s(keys::budget(subject)))
            .key(keys::SK, s(keys::BUDGET))
            .expression_attribute_names("#ttl", keys::TTL)
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_values(":ttl", n(end.0))
            .expression_attribute_values(":entity", s("rate-budget"))
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":now", n(now.0))
            .return_values(ReturnValue::UpdatedNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if full_at > now {
            update
                .update_expression(format!("SET full_at = full_at + :cost, {SET_ALWAYS}"))
                .condition_expression("full_at > :now AND full_at <= :room")
                .expression_attribute_values(":cost", n(limit.refill(tokens)))
                .expression_attribute_values(":room", n(limit.room(now, tokens).0))
        } else {
            update
                .update_expression(format!("SET full_at = :full_at, {SET_ALWAYS}"))
                .condition_expression("attribute_not_exists(full_at) OR full_at <= :now OR full_at > :absurd")
                .expression_attribute_values(":full_at", n(now.plus(limit.refill(tokens)).0))
                .expression_attribute_values(":absurd", n(limit.absurd(now).0))
        }
    }
}

const FULL_AT: &str = "full_at";
const SET_ALWAYS: &str = "#ttl = :ttl, #schema = :one, entity = :entity";
