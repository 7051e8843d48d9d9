//! The function's process.

use terrapi::http::lambda_service;
use terrapi::lambda::run;
use terrapi::runtime::{App, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let app = App::without_blobs(&start()?)?;
    // It knows no storage that would have to be warm.
    run(lambda_service(console::routes(), app)).await
}
