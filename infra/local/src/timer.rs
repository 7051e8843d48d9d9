//! Calls a function every so often, as AWS's scheduler does. A call that fails is not repeated: the next one comes anyway.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::{error::Result, pump, template::Timer};

/// Longer than the function may take.
const INVOCATION: Duration = Duration::from_secs(150);

/// Calls the function at `base_url`, the emulator's address, at once and then for ever.
///
/// # Errors
/// [`Error::Emulator`](crate::Error::Emulator) when there is no client.
pub async fn run(timer: Timer, base_url: String) -> Result<()> {
    let client = pump::client()?;
    let url = format!("{base_url}/2015-03-31/functions/{}/invocations", timer.function);
    let mut ticks = interval(timer.period);
    // A machine that slept has one call to make up for, not a hundred.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let sent = client.post(&url).timeout(INVOCATION).body(timer.input.clone()).send().await;
        if let Err(reason) = sent.and_then(reqwest::Response::error_for_status) {
            tracing::warn!(%reason, function = timer.function, "a timer's call failed");
        }
    }
}
