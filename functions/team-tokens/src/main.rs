//! The function's process.

use terrapi::runtime::{App, Config, init_telemetry, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = Config::from_env()?;
    init_telemetry(&config);
    let app = App::without_blobs(&config)?;
    app.warm_up().await;
    run(terrapi::http::service(team_tokens::routes(), app)).await
}
