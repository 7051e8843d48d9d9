//! What callers have sent: this sandbox's part of the rate limits.
//!
//! A request costs one look into a table. One in twenty or fewer reports to storage, and when storage is away
//! the sandbox goes by what it knows: nobody is locked out, and each sandbox alone still keeps to the limit.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::timeout;

use super::bounded_cache::BoundedCache;
use super::clock::Clock;
use crate::domain::rate::{Limit, LocalBudget, RateLimitKey, RateLimitStatus, Report, Step};
use crate::domain::{KeyId, Micros};
use crate::store::Store;

/// How many callers a sandbox keeps account of, and how many anonymous: some hundred bytes each. Whoever is forgotten
/// starts again with what storage knows.
const MAX_KEYS: usize = 4_096;
/// How many proofs of possession are remembered.
const MOST_PROVEN: usize = 1_024;
/// After a call that failed, storage is left alone for this long, in microseconds.
const AWAY: i64 = 1_000_000;
/// Calls about different subjects go side by side, about one subject one after the other.
const TURNS: usize = 16;

/// What a deployment allows.
#[derive(Clone, Debug)]
pub struct RateLimits {
    /// Each API key, and each session.
    pub callers: Option<Limit>,
    /// Each person, team and organization, where organizations are managed.
    pub principals: Option<Limit>,
    /// Each place, for requests without a usable credential.
    pub anonymous: Option<Limit>,
    /// Each place, for wrong secrets of one key.
    pub failed_secrets: Option<Limit>,
    /// How long a request waits for the answer to a report.
    pub patience: Duration,
}

impl Default for RateLimits {
    /// No limit.
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

/// What became of a request.
#[derive(Clone, Copy, Debug)]
pub struct RateLimitDecision {
    /// How its sender stands now.
    pub status: RateLimitStatus,
    /// When it was refused: whole seconds until it is worth trying again, at least 1.
    pub retry_after_seconds: Option<i64>,
}

/// What became of a report.
enum Reported {
    /// It is taken in: when the bucket is full now.
    Heard(Micros),
    /// Nobody knows.
    Unanswered,
    /// Storage did not answer a moment ago, and was not asked again.
    Unsent,
}

/// The accounts of a sandbox.
pub struct RateLimiter {
    rates: RateLimits,
    callers: Mutex<BoundedCache<RateLimitKey, LocalBudget>>,
    /// Apart from the callers, so that they cannot push those out.
    anonymous: Mutex<BoundedCache<RateLimitKey, LocalBudget>>,
    proven: Mutex<BoundedCache<(KeyId, [u8; 32]), ()>>,
    turns: [tokio::sync::Mutex<()>; TURNS],
    away_since: AtomicI64,
}

impl RateLimiter {
    /// No account yet.
    pub fn new(rates: RateLimits) -> Self {
        Self {
            rates,
            callers: Mutex::new(BoundedCache::with_capacity(MAX_KEYS)),
            anonymous: Mutex::new(BoundedCache::with_capacity(MAX_KEYS)),
            proven: Mutex::new(BoundedCache::with_capacity(MOST_PROVEN)),
            turns: Default::default(),
            away_since: AtomicI64::new(i64::MIN),
        }
    }

    /// Takes a request out of a subject's budget. `None`: there is no limit.
    pub async fn spend(&self, store: &Store, clock: &dyn Clock, subject: RateLimitKey) -> Option<RateLimitDecision> {
        let limit = self.limit(&subject)?;
        let mut turn = None;
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
                // Another request may have reported while this one waited for its turn: look again.
                Step::Ask(_) if turn.is_none() => turn = Some(self.turn(&subject).lock().await),
                Step::Ask(report) => {
                    let answer = self.report(store, &subject, limit, report, now).await;
                    self.with_budget(subject, |budget| match answer {
                        Reported::Heard(full_at) => budget.answered(limit, report, full_at, now),
                        Reported::Unanswered => budget.unanswered(limit, report, now),
                        Reported::Unsent => budget.postponed(now),
                    });
                }
            }
        }
    }

    /// The refusal that a subject is sure to get, if it is. Asks nobody and spends nothing.
    pub fn refusal(&self, clock: &dyn Clock, subject: RateLimitKey) -> Option<RateLimitDecision> {
        let limit = self.limit(&subject)?;
        let now = clock.now().micros();
        let mut budgets = self.budgets(&subject).lock().unwrap_or_else(PoisonError::into_inner);
        let budget = budgets.find(&subject)?;
        let retry_after_seconds = Some(whole_seconds(budget.refused_until(limit, now)?, now));
        Some(RateLimitDecision { status: budget.status(limit, now), retry_after_seconds })
    }

    /// Whether a subject has been charged here lately.
    pub fn knows(&self, subject: RateLimitKey) -> bool {
        self.budgets(&subject).lock().unwrap_or_else(PoisonError::into_inner).find(&subject).is_some()
    }

    /// Remembers that a key was presented with its right secret, given by its hash.
    pub fn remember_proven(&self, key: KeyId, secret_hash: [u8; 32]) {
        self.proven.lock().unwrap_or_else(PoisonError::into_inner).entry((key, secret_hash), || ());
    }

    /// Whether a key was presented with this secret before, and it was the right one.
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
        if (0..AWAY).contains(&now.0.wrapping_sub(self.away_since.load(Ordering::Relaxed))) {
            return Reported::Unsent;
        }
        let error = match timeout(self.rates.patience, store.charge_budget(subject, limit, report, now)).await {
            Ok(Ok(full_at)) => return Reported::Heard(full_at),
            Ok(Err(error)) => error.to_string(),
            Err(elapsed) => elapsed.to_string(),
        };
        self.away_since.store(now.0, Ordering::Relaxed);
        tracing::warn!(%error, "rate budgets cannot be read: this sandbox goes by its own for a second");
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

    fn turn(&self, subject: &RateLimitKey) -> &tokio::sync::Mutex<()> {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        let mut hasher = DefaultHasher::new();
        subject.hash(&mut hasher);
        let [first, ..] = &self.turns;
        self.turns.get(usize::from(hasher.finish().to_be_bytes()[0]) % TURNS).unwrap_or(first)
    }
}

fn whole_seconds(until: Micros, now: Micros) -> i64 {
    (until.0.saturating_sub(now.0).saturating_add(999_999) / 1_000_000).max(1)
}
