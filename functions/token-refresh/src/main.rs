//! The function's process.

use std::sync::Arc;

use terrapi::runtime::{App, Config, Signing, init_telemetry, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = Config::from_env()?;
    init_telemetry(&config);
    let app = App::without_blobs(&config)?;
    // This also opens the connection to storage.
    let signing = Signing::load(&config, &app).await?;
    run(terrapi::http::service(token_refresh::routes(Arc::new(signing)), app)).await
}
