use terrapi::http::lambda_service;
use terrapi::lambda::run;
use terrapi::runtime::{App, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let app = App::without_blobs(&start().await?)?;
    // This function uses no storage, so there is nothing to warm up.
    run(lambda_service(console::routes(), app)).await
}
