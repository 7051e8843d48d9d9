//! The function's process.

use lambda_runtime::{LambdaEvent, service_fn};
use terrapi::runtime::{App, Config, init_telemetry};
use worker::{StreamEvent, work};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = Config::from_env()?;
    init_telemetry(&config);
    let app = App::from_config(&config)?;
    let handler = service_fn(move |event: LambdaEvent<StreamEvent>| {
        let store = app.store.clone();
        async move { Ok::<_, lambda_runtime::Error>(work(&store, event.payload).await) }
    });
    lambda_runtime::Runtime::new(handler).run_concurrent().await
}
