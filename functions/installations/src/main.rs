//! The function's process.

use terrapi::runtime::{App, Config, init_telemetry, load_providers, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = Config::from_env()?;
    init_telemetry(&config);
    let app = App::without_blobs(&config)?.with_providers(load_providers(&config).await?);
    app.warm_up().await;
    run(terrapi::http::service(installations::routes(), app)).await
}
