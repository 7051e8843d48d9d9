//! The function's process.

use std::sync::Arc;

use terrapi::runtime::{App, Config, init_telemetry, load_signer, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = Config::from_env()?;
    init_telemetry(&config);
    let app = App::without_blobs(&config)?;
    let signer = load_signer(&config).await?;
    // Verifiers must know a key before its first token; this also opens the connection to storage.
    app.store.put_public_keys(signer.public_keys()).await?;
    run(terrapi::http::service(token_refresh::routes(Arc::new(signer)), app)).await
}
