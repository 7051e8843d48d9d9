//! The function's process.

use std::sync::Arc;

use terrapi::http::lambda_service;
use terrapi::lambda::run;
use terrapi::runtime::{App, Signing, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = start().await?;
    let app = App::without_blobs(&config)?;
    // This also opens the connection to storage.
    let signing = Signing::load(&config, &app).await?;
    run(lambda_service(token_refresh::routes(Arc::new(signing)), app)).await
}
