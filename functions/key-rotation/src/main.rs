use key_rotation::{Rotation, RotationEvent};
use lambda_runtime::{LambdaEvent, service_fn};
use terrapi::domain::Error;
use terrapi::runtime::{App, Secrets, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = start().await?;
    let secret = config.signing_keys.clone().ok_or(Error::bug("TERRAPI_SIGNING_KEYS is not set"))?;
    let rotation = Rotation { secrets: Secrets::new(&config)?, secret, app: App::without_blobs(&config)? };
    let handler = service_fn(|event: LambdaEvent<RotationEvent>| {
        let rotation = &rotation;
        async move { rotation.step(&event.payload).await.map_err(lambda_runtime::Error::from) }
    });
    lambda_runtime::run(handler).await
}
