//! The time limit of a request whose work may grow with the data.
//!
//! Storage calls that work on many records report what they completed ([`advance`]). Outside of [`TimeLimit::run`] a report does
//! nothing.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

tokio::task_local! {
    static PROGRESS: Progress;
}

/// How long a request may take.
#[derive(Clone, Copy, Debug)]
pub struct TimeLimit {
    /// A request that works on at most `ordinary_records`.
    pub ordinary: Duration,
    /// How many records a request may read or write before each report extends its time.
    pub ordinary_records: usize,
    /// How long a larger request may go on after its last report, if that is later than `ordinary`.
    pub stall: Duration,
    /// Any request.
    pub total: Duration,
}

impl TimeLimit {
    /// Runs `work` under this limit. `None` when it was not completed in time; it has been dropped then.
    pub async fn run<T>(self, work: impl Future<Output = T>) -> Option<T> {
        let timed = async {
            let mut work = std::pin::pin!(work);
            let mut end = PROGRESS.with(Progress::end);
            loop {
                if let Ok(result) = timeout_at(end, &mut work).await {
                    return Some(result);
                }
                let extended = PROGRESS.with(Progress::end);
                if extended <= end {
                    return None;
                }
                end = extended;
            }
        };
        PROGRESS.scope(Progress::new(self, Instant::now()), timed).await
    }
}

/// Reports that the request in hand has read or written this many more records.
pub fn advance(records: usize) {
    let _ = PROGRESS.try_with(|progress| progress.advance(records, Instant::now()));
}

/// How far a request has come.
struct Progress {
    limit: TimeLimit,
    /// When it ends in any case.
    last: Instant,
    state: Mutex<State>,
}

#[derive(Clone, Copy)]
struct State {
    records: usize,
    end: Instant,
}

impl Progress {
    fn new(limit: TimeLimit, now: Instant) -> Self {
        let state = State { records: 0, end: now + limit.ordinary };
        Self { limit, last: now + limit.total, state: Mutex::new(state) }
    }

    fn end(&self) -> Instant {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).end
    }

    fn advance(&self, records: usize, now: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.records = state.records.saturating_add(records);
        if records > 0 && state.records > self.limit.ordinary_records {
            state.end = state.end.max(now + self.limit.stall).min(self.last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: TimeLimit = TimeLimit {
        ordinary: Duration::from_secs(9),
        ordinary_records: 100,
        stall: Duration::from_secs(6),
        total: Duration::from_secs(25),
    };

    /// When a request ends after these reports, each of a number of records and a second. Seconds.
    fn end_after(reports: &[(usize, u64)]) -> u64 {
        let begin = Instant::now();
        let progress = Progress::new(LIMIT, begin);
        for (records, second) in reports {
            progress.advance(*records, begin + Duration::from_secs(*second));
        }
        (progress.end() - begin).as_secs()
    }

    #[test]
    fn only_progress_beyond_ordinary_work_extends_the_limit() {
        let ends = [
            (vec![], 9),
            (vec![(50, 1), (50, 8)], 9),
            (vec![(101, 1)], 9),
            (vec![(101, 5)], 11),
            (vec![(100, 8), (0, 8)], 9),
            (vec![(100, 2), (1, 8), (1, 13)], 19),
            (vec![(101, 8), (1, 14), (1, 20), (1, 24)], 25),
        ];
        for (reports, end) in ends {
            assert_eq!(end_after(&reports), end, "{reports:?}");
        }
    }

    #[tokio::test]
    async fn stalled_work_is_dropped_and_progressing_work_is_not() {
        let limit = TimeLimit {
            ordinary: Duration::from_millis(300),
            ordinary_records: 0,
            stall: Duration::from_mins(1),
            total: Duration::from_mins(2),
        };
        assert_eq!(limit.run(std::future::pending::<()>()).await, None);
        let work = async {
            advance(1);
            tokio::time::sleep(Duration::from_millis(600)).await;
        };
        assert_eq!(limit.run(work).await, Some(()));
        advance(1);
    }
}
