//! Invokes a function through the emulator, without a gateway: what the tables' streams and the timers do on AWS.

use std::time::Duration;

use terrapi_local::changes::Batch;
use terrapi_local::pump::{Outcome, Subscriber};

use crate::error::{Error, Result};

/// Longer than the timeout of the function.
const INVOCATION_TIMEOUT: Duration = Duration::from_secs(150);

/// A function behind the emulator.
pub struct Function {
    client: reqwest::Client,
    url: String,
}

impl Function {
    /// The function behind the emulator at `base_url`.
    ///
    /// # Errors
    /// [`Error::Emulator`] if no HTTP client can be created.
    pub fn new(base_url: &str, name: &str) -> Result<Self> {
        let url = format!("{base_url}/2015-03-31/functions/{name}/invocations");
        Ok(Self { client: client()?, url })
    }

    /// Sends an event and returns the answer.
    pub async fn invoke(&self, event: String) -> Outcome {
        let request = self.client.post(&self.url).timeout(INVOCATION_TIMEOUT).body(event);
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Outcome::Unreachable(error.to_string()),
        };
        let status = response.status();
        let body = response.text().await.unwrap_or_default();
        if status.is_success() {
            Outcome::Answered(serde_json::from_str(&body).unwrap_or_default())
        } else {
            Outcome::Failed(format!("{status}: {body}"))
        }
    }
}

impl Subscriber for Function {
    async fn deliver(&self, batch: &Batch) -> Outcome {
        self.invoke(batch.event().to_string()).await
    }
}

/// An HTTP client for this machine.
///
/// # Errors
/// [`Error::Emulator`] if it cannot be created.
pub fn client() -> Result<reqwest::Client> {
    // The client requires a TLS provider even for plain HTTP. The second client finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().map_err(|error| Error::Emulator(error.to_string()))
}
