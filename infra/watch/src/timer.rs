//! Calls a function at regular intervals, as AWS's scheduler does. A failed call is not repeated, because the next one
//! follows anyway.

use terrapi_local::pump::Outcome;
use terrapi_local::template::Timer;
use tokio::time::{MissedTickBehavior, interval};

use crate::function::Function;

/// Calls the function once at the start and then forever.
pub async fn run(timer: Timer, function: Function) {
    let mut ticks = interval(timer.period);
    // After the machine has slept, one call is made instead of many.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Outcome::Failed(reason) | Outcome::Unreachable(reason) = function.invoke(timer.input.clone()).await {
            tracing::warn!(%reason, function = timer.function, "a timer call failed");
        }
    }
}
