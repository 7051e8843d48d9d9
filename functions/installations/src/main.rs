use terrapi::lambda::serve;
use terrapi::runtime::{App, load_providers, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = start().await?;
    let app = App::without_blobs(&config)?.with_providers(load_providers(&config).await?);
    serve(installations::routes(), app).await
}
