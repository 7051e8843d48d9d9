//! Measures that alternate in rounds. Ratios are computed within a round, so that a slower minute affects both sides.

use std::time::Duration;

use crate::report::Row;
use crate::stats::{Spread, quantile};

pub const ROUNDS: usize = 7;
/// How long each measure takes in a round.
pub const ROUND: Duration = Duration::from_secs(2);
/// How long each measure takes in the warm-up round, which is not counted.
pub const WARM_UP: Duration = Duration::from_secs(1);

/// p50 and p99 in milliseconds.
pub type Times = [f64; 2];

/// Selects a measure of a round.
pub type Of<R> = fn(&R) -> Times;

/// The compared quantiles, and how much a route may add to hello in each, in units of its storage calls.
const PARTS: [(&str, f64, f64); 2] = [("p50", 0.5, 2.0), ("p99", 0.99, 3.5)];

/// The quantiles of a run's latencies.
pub fn times(latencies: &[Duration]) -> Times {
    let milliseconds: Vec<f64> = latencies.iter().map(|time| time.as_secs_f64() * 1e3).collect();
    PARTS.map(|(_, part, _)| quantile(&milliseconds, part))
}

/// (route − hello) ÷ calls: the median of the rounds' ratios.
pub fn ratios<R>(id: &'static str, measure: &str, rounds: &[R], [route, hello, calls]: [Of<R>; 3]) -> [Row; 2] {
    rows(id, measure, rounds, "×", |round, pick| (pick(route(round)) - pick(hello(round))) / pick(calls(round)), true)
}

/// The times themselves, without a limit.
pub fn absolutes<R>(id: &'static str, measure: &str, rounds: &[R], of: Of<R>) -> [Row; 2] {
    rows(id, measure, rounds, " ms", |round, pick| pick(of(round)), false).map(|row| row.how("the same rounds"))
}

fn rows<R>(
    id: &'static str,
    measure: &str,
    rounds: &[R],
    unit: &'static str,
    figure: impl Fn(&R, &dyn Fn(Times) -> f64) -> f64,
    judged: bool,
) -> [Row; 2] {
    let mut at = 0;
    PARTS.map(|(part, _, limit)| {
        let pick = |times: Times| times.get(at).copied().unwrap_or(f64::NAN);
        let figures: Vec<f64> = rounds.iter().map(|round| figure(round, &pick)).collect();
        at += 1;
        let row = Row::new(id, format!("{measure}, {part}"), Spread::of(&figures), unit);
        if judged { row.at_most(limit) } else { row }
    })
}
