//! The worker as tasks of this process: on AWS, the tables' streams and a schedule invoke it.

use std::time::Duration;

use terrapi::domain::Millis;
use terrapi::runtime::App;
use terrapi_local::changes::Batch;
use terrapi_local::delivery_lock::begin_delivery;
use terrapi_local::folder::DataFolder;
use terrapi_local::pump::{Outcome, Subscriber};
use terrapi_local::template::Timer;
use tokio::time::{MissedTickBehavior, interval};
use worker::{WorkerEvent, handle};

use crate::metrics::Metrics;

/// How long one event may take, as on AWS.
const TIME_LIMIT: Duration = Duration::from_mins(2);

/// The worker, which subscribes to the tables' streams.
pub struct Worker {
    pub app: App,
    pub metrics: Metrics,
    pub folder: DataFolder,
}

impl Subscriber for Worker {
    async fn deliver(&self, batch: &Batch) -> Outcome {
        let event = match serde_json::from_value(batch.event()) {
            Ok(event) => event,
            Err(error) => return Outcome::Failed(error.to_string()),
        };
        let _delivery = match begin_delivery(self.folder.path()).await {
            Ok(delivery) => delivery,
            Err(error) => return Outcome::Unreachable(error.to_string()),
        };
        match handle(&self.app, event, end(&self.app)).await {
            Ok(answer) => {
                self.metrics.delivered(batch.records.len());
                serde_json::to_value(answer).map_or_else(|error| Outcome::Failed(error.to_string()), Outcome::Answered)
            }
            Err(error) => Outcome::Failed(error.to_string()),
        }
    }
}

/// Handles the event of a schedule once at the start and then at regular intervals. A failure is not repeated, because
/// the next event follows anyway.
pub async fn run_timer(timer: Timer, app: App) {
    let mut ticks = interval(timer.period);
    // After the machine has slept, one event is handled instead of many.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let outcome = match serde_json::from_str::<WorkerEvent>(&timer.input) {
            Ok(event) => handle(&app, event, end(&app)).await.map(|_| ()).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = outcome {
            tracing::warn!(error, "a timer event failed");
        }
    }
}

fn end(app: &App) -> Millis {
    let limit = i64::try_from(TIME_LIMIT.as_millis()).unwrap_or(i64::MAX);
    Millis(app.clock.now().0.saturating_add(limit))
}
