//! The function's process.

use terrapi::lambda::serve;
use terrapi::runtime::{App, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let app = App::without_blobs(&start().await?)?;
    serve(team_tokens::routes(), app).await
}
