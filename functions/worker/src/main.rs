use lambda_runtime::{LambdaEvent, service_fn};
use terrapi::runtime::{App, load_providers, start};
use worker::{WorkerEvent, ends_at, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = start().await?;
    let app = App::from_config(&config)?.with_providers(load_providers(&config).await?);
    let handler = service_fn(move |event: LambdaEvent<WorkerEvent>| {
        let app = app.clone();
        async move {
            let until = ends_at(event.context.deadline, app.clock.now());
            Ok::<_, lambda_runtime::Error>(handle(&app, event.payload, until).await?)
        }
    });
    lambda_runtime::Runtime::new(handler).run_concurrent().await
}
