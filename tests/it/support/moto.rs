//! A test double of Secrets Manager: the moto server, in its own process.
#![expect(clippy::disallowed_methods, reason = "the Makefile says where it installed the server")]

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::Builder;
use aws_sdk_secretsmanager::primitives::Blob;
use terrapi::domain::Administrators;
use terrapi::runtime::Config;
use terrapi::store::{StoreConfig, Tables, Timeouts};

use crate::support::backend::aws;
use crate::support::faulty::Faulty;

/// How long Python may take to listen, on a machine that compiles meanwhile.
const LISTENING: Duration = Duration::from_secs(60);

/// A running server with only the test's secrets. It is stopped when this is dropped.
pub struct Moto {
    server: Child,
    endpoint: String,
    pub client: Client,
}

impl Moto {
    pub async fn start() -> Self {
        let program = std::env::var_os("TERRAPI_MOTO_SERVER").unwrap_or_else(|| {
            panic!("TERRAPI_MOTO_SERVER is not set: run the tests with `make test`, which installs moto and sets it")
        });
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let server = Command::new(&program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            // It logs a line for every request.
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
        let endpoint = format!("http://127.0.0.1:{port}");
        let mut moto = Self { server, client: client(&endpoint), endpoint };
        let deadline = Instant::now() + LISTENING;
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            let ended = moto.server.try_wait().unwrap();
            assert!(ended.is_none(), "{} ended at once: {ended:?}", program.display());
            assert!(Instant::now() < deadline, "{} does not listen", program.display());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        moto
    }

    /// Creates a secret. Returns its ARN.
    pub async fn create(&self, name: &str, text: &str) -> String {
        self.client.create_secret().name(name).secret_string(text).send().await.unwrap().arn.unwrap()
    }

    /// Creates a binary secret. Returns its ARN.
    pub async fn create_binary(&self, name: &str, bytes: &[u8]) -> String {
        self.client.create_secret().name(name).secret_binary(Blob::new(bytes)).send().await.unwrap().arn.unwrap()
    }

    /// Begins a rotation, as Secrets Manager does before it first calls the function. The server has created the
    /// version when it reports that the function does not exist.
    pub async fn begin_rotation(&self, secret: &str, version: &str) {
        let begun = self.client.rotate_secret().secret_id(secret).client_request_token(version);
        let nobody = "arn:aws:lambda:us-east-1:123456789012:function:nobody";
        assert!(begun.rotation_lambda_arn(nobody).send().await.is_err());
        assert_eq!(self.stages(secret, version).await, ["AWSPENDING"]);
    }

    /// The staging labels of a version.
    pub async fn stages(&self, secret: &str, version: &str) -> Vec<String> {
        let described = self.client.describe_secret().secret_id(secret).send().await.unwrap();
        described.version_ids_to_stages.unwrap().remove(version).unwrap_or_default()
    }

    /// The version with the label `AWSCURRENT`.
    pub async fn current(&self, secret: &str) -> String {
        let described = self.client.describe_secret().secret_id(secret).send().await.unwrap();
        let mut versions = described.version_ids_to_stages.unwrap().into_iter();
        versions.find(|(_, stages)| stages.iter().any(|stage| stage == "AWSCURRENT")).unwrap().0
    }

    /// Removes the label of the pending version, which the server does not do by itself.
    pub async fn end_rotation(&self, secret: &str, version: &str) {
        assert!(self.stages(secret, version).await.iter().any(|stage| stage == "AWSCURRENT"));
        let end = self.client.update_secret_version_stage().secret_id(secret).version_stage("AWSPENDING");
        end.remove_from_version_id(version).send().await.unwrap();
    }

    /// Stops the server, which loses its secrets.
    pub fn stop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }

    /// The configuration of the exchange function for this secret.
    pub fn config(&self, secret: &str) -> Config {
        Config {
            store: StoreConfig {
                tables: Tables { identity: String::new(), kv: String::new(), operations: String::new() },
                endpoint: None,
                aws: aws("test"),
                blobs: None,
                timeouts: Timeouts::default(),
            },
            signing_keys: Some(secret.to_owned()),
            secrets_endpoint: Some(self.endpoint.clone()),
            issuer: "terrapi".into(),
            public_base_url: None,
            listed_origins: terrapi::runtime::ListedOrigins::default(),
            provider_secret: None,
            provider_variables: BTreeMap::new(),
            rates: terrapi::runtime::RateLimits::default(),
            membership_max_age: terrapi::domain::MembershipMaxAge::default(),
            administrators: Administrators::default(),
            app_name: "terrapi".into(),
            log_filter: "info".into(),
            production: true,
        }
    }
}

impl Moto {
    /// As [`Self::config`] for calls in a function's name that pass through this endpoint.
    pub fn config_of(&self, function: &str, secret: &str, faulty: &Faulty) -> Config {
        let config = self.config(secret);
        let store = StoreConfig { aws: aws(function), ..config.store };
        Config { store, secrets_endpoint: Some(faulty.endpoint().to_owned()), ..config }
    }

    /// Where it listens: `http://127.0.0.1:port`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn client(endpoint: &str) -> Client {
    let config = Builder::from(&aws("test"))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    Client::from_conf(config.build())
}
