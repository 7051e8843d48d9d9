//! Calls a function at regular intervals, as AWS's scheduler does. A failed call is not repeated, because the next one
//! follows anyway.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::{error::Result, pump, template::Timer};

/// Longer than the timeout of the function.
const INVOCATION_TIMEOUT: Duration = Duration::from_secs(150);

/// Calls the function at `base_url`, the URL of the emulator, once at the start and then forever.
///
/// # Errors
/// [`Error::Emulator`](crate::Error::Emulator) if the HTTP client cannot be created.
pub async fn run(timer: Timer, base_url: String) -> Result<()> {
    let client = pump::client()?;
    let url = format!("{base_url}/2015-03-31/functions/{}/invocations", timer.function);
    let mut ticks = interval(timer.period);
    // After the machine has slept, one call is made instead of many.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let sent = client.post(&url).timeout(INVOCATION_TIMEOUT).body(timer.input.clone()).send().await;
        if let Err(reason) = sent.and_then(reqwest::Response::error_for_status) {
            tracing::warn!(%reason, function = timer.function, "a timer call failed");
        }
    }
}
