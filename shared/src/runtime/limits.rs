//! Rate limits in this sandbox.
//!
//! A request costs one access to a table in memory. At most one request in twenty reports to DynamoDB. If DynamoDB does
//! not answer, the sandbox uses its local state: no caller is locked out, and each sandbox on its own still enforces
//! the limit.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::timeout;

use super::bounded_cache::BoundedCache;
use super::clock::Clock;
use crate::domain::rate::{Limit, LocalBudget, RateLimitKey, RateLimitStatus, Report, Step};
use crate::domain::{KeyId, Micros};
use crate::store::Store;

/// How many callers this sandbox tracks, and separately how many anonymous senders: some hundred bytes each. A dropped
/// one starts again with the state in DynamoDB.
const MAX_KEYS: usize = 4_096;
/// How many verified secrets the cache holds.
const MAX_PROVEN: usize = 1_024;
/// How many microseconds no report is sent after one has failed.
const REPORT_PAUSE_MICROS: i64 = 1_000_000;
/// How many locks serialize the reports. Reports of the same caller are sent one after the other, those of different
/// callers mostly concurrently.
const REPORT_LOCKS: usize = 16;

/// The rate limits of a deployment. `None` means no limit.
#[derive(Clone, Debug)]
pub struct RateLimits {
    /// For each API key and each session.
    pub callers: Option<Limit>,
    /// For each person, team and organization that uses `/api/v2`.
    pub principals: Option<Limit>,
    /// For each network, counting requests without a valid credential.
    pub anonymous: Option<Limit>,
    /// For each key and network, counting wrong secrets.
    pub failed_secrets: Option<Limit>,
    /// How long a request waits for the answer to a report.
    pub patience: Duration,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            callers: None,
            principals: None,
            anonymous: None,
            failed_secrets: None,
            patience: Duration::from_millis(250),
        }
    }
}

/// The decision about one request.
#[derive(Clone, Copy, Debug)]
pub struct RateLimitDecision {
    /// The state of the limit after the request.
    pub status: RateLimitStatus,
    /// Only for a refused request: in how many whole seconds a retry can succeed, at least 1.
    pub retry_after_seconds: Option<i64>,
}

/// The result of a report.
enum Reported {
    /// DynamoDB has stored it; the budget is full again at this instant.
    Stored(Micros),
    /// The answer was lost, so the report may have been stored.
    Unanswered,
    /// It was not sent, because a report has just failed.
    Unsent,
}

/// The rate limit state of a sandbox.
pub struct RateLimiter {
    rates: RateLimits,
    callers: Mutex<BoundedCache<RateLimitKey, LocalBudget>>,
    /// Separate from the callers, so that anonymous senders cannot displace them.
    anonymous: Mutex<BoundedCache<RateLimitKey, LocalBudget>>,
    proven: Mutex<BoundedCache<(KeyId, [u8; 32]), ()>>,
    report_locks: [tokio::sync::Mutex<()>; REPORT_LOCKS],
    last_failure: AtomicI64,
}

impl RateLimiter {
    pub fn new(rates: RateLimits) -> Self {
        Self {
            rates,
            callers: Mutex::new(BoundedCache::with_capacity(MAX_KEYS)),
            anonymous: Mutex::new(BoundedCache::with_capacity(MAX_KEYS)),
            proven: Mutex::new(BoundedCache::with_capacity(MAX_PROVEN)),
            report_locks: Default::default(),
            last_failure: AtomicI64::new(i64::MIN),
        }
    }

    /// Charges a request against a limit. `None` if there is no limit.
    pub async fn spend(&self, store: &Store, clock: &dyn Clock, subject: RateLimitKey) -> Option<RateLimitDecision> {
        let limit = self.limit(&subject)?;
        let mut report_lock = None;
        // The clock is read once for each request. If it were read again after each answer of storage, the answer would
        // already be older than the clock, and the request would ask storage without end.
        let now = clock.now().micros();
        loop {
            let (step, status) = self.with_budget(subject, |budget| {
                let step = budget.spend(limit, now);
                (step, budget.status(limit, now))
            });
            match step {
                Step::Go => return Some(RateLimitDecision { status, retry_after_seconds: None }),
                Step::Wait(until) => {
                    return Some(RateLimitDecision { status, retry_after_seconds: Some(whole_seconds(until, now)) });
                }
                // Another request may have reported while this one waited for the lock, so the budget is checked again.
                Step::Ask(_) if report_lock.is_none() => report_lock = Some(self.report_lock(&subject).lock().await),
                Step::Ask(report) => {
                    let answer = self.report(store, &subject, limit, report, now).await;
                    self.with_budget(subject, |budget| match answer {
                        Reported::Stored(full_at) => budget.answered(limit, report, full_at, now),
                        Reported::Unanswered => budget.unanswered(limit, report, now),
                        Reported::Unsent => budget.postponed(now),
                    });
                }
            }
        }
    }

    /// The refusal that a request would certainly get, if so. Calls nothing and charges nothing.
    pub fn refusal(&self, clock: &dyn Clock, subject: RateLimitKey) -> Option<RateLimitDecision> {
        let limit = self.limit(&subject)?;
        let now = clock.now().micros();
        let mut budgets = self.budgets(&subject).lock().unwrap_or_else(PoisonError::into_inner);
        let budget = budgets.find(&subject)?;
        let retry_after_seconds = Some(whole_seconds(budget.refused_until(limit, now)?, now));
        Some(RateLimitDecision { status: budget.status(limit, now), retry_after_seconds })
    }

    /// Whether a request was recently charged against this limit in this sandbox.
    pub fn knows(&self, subject: RateLimitKey) -> bool {
        self.budgets(&subject).lock().unwrap_or_else(PoisonError::into_inner).find(&subject).is_some()
    }

    /// Remembers the hash of a secret that was correct for the key.
    pub fn remember_proven(&self, key: KeyId, secret_hash: [u8; 32]) {
        self.proven.lock().unwrap_or_else(PoisonError::into_inner).entry((key, secret_hash), || ());
    }

    /// Whether this secret is known to be correct for the key.
    pub fn proven(&self, key: KeyId, secret_hash: [u8; 32]) -> bool {
        self.proven.lock().unwrap_or_else(PoisonError::into_inner).find(&(key, secret_hash)).is_some()
    }

    async fn report(
        &self,
        store: &Store,
        subject: &RateLimitKey,
        limit: &Limit,
        report: Report,
        now: Micros,
    ) -> Reported {
        if (0..REPORT_PAUSE_MICROS).contains(&now.0.wrapping_sub(self.last_failure.load(Ordering::Relaxed))) {
            return Reported::Unsent;
        }
        let error = match timeout(self.rates.patience, store.charge_budget(subject, limit, report, now)).await {
            Ok(Ok(full_at)) => return Reported::Stored(full_at),
            Ok(Err(error)) => error.to_string(),
            Err(elapsed) => elapsed.to_string(),
        };
        self.last_failure.store(now.0, Ordering::Relaxed);
        tracing::warn!(%error, "a rate limit report failed; this sandbox uses its local state for a second");
        Reported::Unanswered
    }

    fn limit(&self, subject: &RateLimitKey) -> Option<&Limit> {
        match subject {
            RateLimitKey::Key(_) | RateLimitKey::Session(_) => self.rates.callers.as_ref(),
            RateLimitKey::Principal(_) => self.rates.principals.as_ref(),
            RateLimitKey::Anonymous(_) => self.rates.anonymous.as_ref(),
            RateLimitKey::FailedSecret(..) => self.rates.failed_secrets.as_ref(),
        }
    }

    fn budgets(&self, subject: &RateLimitKey) -> &Mutex<BoundedCache<RateLimitKey, LocalBudget>> {
        match subject {
            RateLimitKey::Key(_) | RateLimitKey::Session(_) | RateLimitKey::Principal(_) => &self.callers,
            RateLimitKey::Anonymous(_) | RateLimitKey::FailedSecret(..) => &self.anonymous,
        }
    }

    fn with_budget<T>(&self, subject: RateLimitKey, work: impl FnOnce(&mut LocalBudget) -> T) -> T {
        let mut budgets = self.budgets(&subject).lock().unwrap_or_else(PoisonError::into_inner);
        work(budgets.entry(subject, LocalBudget::default))
    }

    fn report_lock(&self, subject: &RateLimitKey) -> &tokio::sync::Mutex<()> {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        let mut hasher = DefaultHasher::new();
        subject.hash(&mut hasher);
        let [first, ..] = &self.report_locks;
        self.report_locks.get(usize::from(hasher.finish().to_be_bytes()[0]) % REPORT_LOCKS).unwrap_or(first)
    }
}

fn whole_seconds(until: Micros, now: Micros) -> i64 {
    (until.0.saturating_sub(now.0).saturating_add(999_999) / 1_000_000).max(1)
}
