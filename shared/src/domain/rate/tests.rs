//! The promise, tried on random traffic: buckets and purses without clock and storage.

use proptest::prelude::*;

use super::*;
use crate::domain::Micros;

/// When the worlds below begin.
const START: i64 = 1_790_000_000_000_000;

/// A bucket in storage and the sandboxes that share it.
struct Sandboxes {
    limit: Limit,
    bucket: Micros,
    purses: Vec<Purse>,
    calls: usize,
    now: Micros,
}

impl Sandboxes {
    fn new(limit: Limit, count: u64) -> Self {
        let purses = (0..count).map(Purse::new).collect();
        Self { limit, bucket: Micros(0), purses, calls: 0, now: Micros(START) }
    }

    /// Whether a request to a sandbox passes. Storage hears of it if it is `up`.
    fn request(&mut self, sandbox: usize, up: bool) -> bool {
        let (limit, now) = (self.limit, self.now);
        let purse = &mut self.purses[sandbox];
        loop {
            match purse.spend(&limit, now) {
                Step::Go => return true,
                Step::Wait(until) => {
                    assert!(until > now, "refused until {until:?}, which is no later than {now:?}");
                    return false;
                }
                Step::Ask(tokens) => {
                    assert!((1..=limit.burst()).contains(&tokens), "{tokens} of {limit:?}");
                    self.calls += 1;
                    match limit.take(self.bucket, now, tokens) {
                        _ if !up => purse.unanswered(&limit, tokens, now),
                        Some(full_at) => {
                            self.bucket = full_at;
                            purse.granted(&limit, tokens, full_at, now);
                        }
                        None => purse.refused(&limit, self.bucket, now),
                    }
                }
            }
        }
    }
}

fn any_limit() -> impl Strategy<Value = Limit> {
    let per_second = (1_u32..2_000, 1_u32..400).prop_filter_map("off", |(rate, burst)| Limit::per_second(rate, burst));
    prop_oneof![4 => per_second, 1 => (1_u32..30).prop_filter_map("off", Limit::in_a_minute)]
}

/// Requests: which sandbox, and how many thousandths of the time that a burst takes to come back lie before it.
fn any_traffic() -> impl Strategy<Value = Vec<(usize, i64)>> {
    let gap = prop_oneof![6 => 0_i64..3, 2 => 0_i64..60, 1 => 0_i64..1_500];
    prop::collection::vec((0_usize..5, gap), 1..700)
}

/// Over every interval between two passed requests: no more than the promise.
fn within_the_promise(limit: &Limit, sandboxes: i64, passed: &[Micros]) -> Result<(), TestCaseError> {
    let each = limit.refill(1);
    for (first, start) in passed.iter().enumerate() {
        for (last, end) in passed.iter().enumerate().skip(first) {
            let count = i64::try_from(last - first).unwrap() + 1;
            let time = end.0 - start.0;
            let forgiven = if limit.free() > 0 { time / (80 * each) + 1 } else { 0 };
            let most = time / each + 1 + limit.burst() + sandboxes * (limit.batch() + limit.free() + forgiven);
            prop_assert!(count <= most, "{count} passed within {time} us, {most} may: {limit:?}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_interval_sees_more_than_rate_and_burst_and_a_batch_for_each_sandbox(
        limit in any_limit(), traffic in any_traffic(),
    ) {
        let mut world = Sandboxes::new(limit, 5);
        let mut passed = Vec::new();
        for (sandbox, gap) in traffic {
            world.now = world.now.plus(limit.refill(limit.burst()) / 1_000 * gap);
            passed.extend(world.request(sandbox, true).then_some(world.now));
        }
        within_the_promise(&limit, 5, &passed)?;
    }

    #[test]
    fn one_sandbox_lets_through_rate_and_burst_whether_storage_answers_or_not(
        limit in any_limit(), outages in prop::collection::vec(any::<bool>(), 400), steps in 1_i64..5,
    ) {
        let mut world = Sandboxes::new(limit, 1);
        let mut passed = Vec::new();
        // Four times to half as fast as the rate, and the whole burst first.
        for up in outages {
            for _ in 0..=limit.burst() / 100 {
                passed.extend(world.request(0, up).then_some(world.now));
            }
            // Rounded up: two halves that fall short of a whole would miss every other token of a bucket that holds one.
            world.now = world.now.plus((limit.refill(steps) + 1) / 2);
        }
        within_the_promise(&limit, 1, &passed)?;
        let time = world.now.0 - START;
        let sent = 400 * (1 + limit.burst() / 100);
        let due = (time / limit.refill(1) + limit.burst()).min(sent) - 2 * limit.batch() - limit.free() - 1;
        let got = i64::try_from(passed.len()).unwrap();
        prop_assert!(got >= due, "{got} of {due}");
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out(limit in any_limit(), back in 1_i64..100_000_000_000_000) {
        let mut world = Sandboxes::new(limit, 1);
        while world.request(0, true) {}
        world.now = world.now.plus(-back);
        // What storage says of the future counts as full, as the store's condition has it.
        if world.bucket > limit.absurd(world.now) {
            world.bucket = Micros(0);
        }
        let _ = world.request(0, true);
        world.now = world.now.plus(limit.refill(2 * limit.burst()));
        prop_assert!(world.request(0, true));
    }
}

#[test]
fn a_burst_passes_to_the_last_token_and_comes_back_with_time() {
    let limit = Limit::per_second(50, 100).unwrap();
    let mut world = Sandboxes::new(limit, 1);
    let burst = (0..300).filter(|_| world.request(0, true)).count();
    assert_eq!(burst, 100);
    assert!(world.calls <= 5, "{}", world.calls);
    world.now = world.now.plus(2_000_000);
    assert_eq!((0..300).filter(|_| world.request(0, true)).count(), 100);
}

#[test]
fn whoever_sends_little_costs_no_call_and_whoever_sends_much_one_in_twenty() {
    let limit = Limit::per_second(50, 100).unwrap();
    // Milliseconds between requests, and the calls that a thousand of them may cost.
    for (gap_ms, calls) in [(2_000, 0), (500, 50), (100, 50), (20, 50)] {
        let mut world = Sandboxes::new(limit, 1);
        for _ in 0..1_000 {
            assert!(world.request(0, true), "every {gap_ms} ms");
            world.now = world.now.plus(gap_ms * 1_000);
        }
        assert!(world.calls <= calls, "{} calls, one request every {gap_ms} ms", world.calls);
    }
}

#[test]
fn what_is_left_is_told_and_never_more_than_there_is() {
    let limit = Limit::per_second(50, 100).unwrap();
    let mut world = Sandboxes::new(limit, 1);
    for sent in 1..=100 {
        assert!(world.request(0, true));
        let standing = world.purses[0].standing(&limit, world.now);
        assert_eq!((standing.limit, standing.remaining), (100, 100 - sent));
        assert_eq!(standing.reset_seconds, (sent + 49) / 50);
    }
    assert!(!world.request(0, true));
    assert_eq!(world.purses[0].standing(&limit, world.now).remaining, 0);
}

#[test]
fn of_what_is_counted_one_by_one_the_eleventh_is_refused_before_it_is_tried() {
    let limit = Limit::in_a_minute(10).unwrap();
    let mut world = Sandboxes::new(limit, 1);
    for count in 1..=10 {
        assert_eq!(world.purses[0].refused_until(&limit, world.now), None, "{count}");
        assert!(world.request(0, true), "{count}");
    }
    assert_eq!(world.purses[0].refused_until(&limit, world.now), Some(Micros(START + 60_000_000)));
    world.now = Micros(START + 60_000_000);
    assert_eq!(world.purses[0].refused_until(&limit, world.now), None);
    assert!(world.request(0, true));
    assert!(!world.request(0, true));
}
