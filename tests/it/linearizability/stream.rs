//! Delivers the KV table's stream to the worker's processes as Lambda's event source does.

use std::future::Future;
use std::time::Duration;

use terrapi_local::Template;
use terrapi_local::changes::Changes;

use super::processes::Function;
use crate::support::TestService;

/// The polling interval of an idle stream.
const POLL: Duration = Duration::from_millis(2);
/// The number of times a batch is delivered before it is skipped.
const DELIVERIES: u32 = 6;

/// Delivers changes to the worker until `work` has ended and every change is handled.
pub async fn follow_while(changes: &mut Changes, worker: &Function, work: impl Future<Output = ()>) {
    let (ended, mut end) = tokio::sync::watch::channel(false);
    let work = async {
        work.await;
        let _ = ended.send(true);
    };
    let deliveries = async {
        loop {
            // Read first, so that everything that happened before the end is already in the stream.
            let last = *end.borrow_and_update();
            if !deliver(changes, worker).await {
                if last {
                    return;
                }
                tokio::time::sleep(POLL).await;
            }
        }
    };
    tokio::join!(work, deliveries);
}

/// Starts at the stream's beginning.
pub fn changes(fixture: &TestService) -> Changes {
    let engine = fixture.backend.engine.as_ref().expect("the embedded engine: its stream is read through the library");
    let template = Template::project().unwrap();
    let source = template.streams.iter().find(|source| source.table == fixture.backend.tables.kv).unwrap();
    Changes::after(engine.embedded(), source.clone(), None)
}

/// Delivers one batch until the worker accepts it. Returns false if there was none.
async fn deliver(changes: &mut Changes, worker: &Function) -> bool {
    let Some(batch) = changes.read_batch().unwrap() else { return false };
    for _ in 0..DELIVERIES {
        if batch.records.is_empty() {
            break;
        }
        let answer = worker.invoke(&batch.event()).await;
        if answer.is_ok_and(|answer| answer["batchItemFailures"].as_array().is_none_or(Vec::is_empty)) {
            break;
        }
    }
    changes.accept(batch.position);
    true
}
