use terrapi::lambda::serve;
use terrapi::runtime::{App, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let app = App::from_config(&start().await?)?;
    serve(kv_store::routes(), app).await
}
