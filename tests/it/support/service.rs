//! The whole service in process: every function's router, its own storage engine, and the fault proxy between them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, ORIGIN};
use serde_json::{Value, json};
use terrapi::auth::{ApiKey, Claims, KeyEnvironment, OpaqueToken, Secret, Signer, SigningKeyFile};
use terrapi::domain::{
    AccountStatus, Administrators, ApiKeyRecord, Capabilities, Capability, Installation, InstallationId,
    InstallationState, KeyId, KeyName, Lineage, MembershipMaxAge, Millis, Namespace, Seconds, Session, SessionId, Tier,
    UserId, Vcs,
};
use terrapi::http::{ClientInfo, Description, Routes, lambda_service, seal_position};
use terrapi::runtime::ListedOrigins;
use terrapi::runtime::{App, Clock, ManualClock, Random, RateLimits, Settings, Signing};
use terrapi::store::{Store, StoreConfig, Tables, Timeouts, User};
use tower::ServiceExt;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::backend::{self, Backend};
use super::blobs::Folder;
use super::faulty::Faulty;
use super::github::Github;
use super::gitlab::Gitlab;
use super::openapi;
use super::providers::{PATIENT, Pauses, providers};
use super::reply::Reply;
use super::roles;
use super::routes::Gateway;

/// The initial time of every service's clock.
pub const START: Millis = Millis(1_790_000_000_000);

/// The seed of every service's signing key.
pub const SEED: &str = "test-signing-key-of-every-service-0123456789-abcdefghijkl";

/// The base of the KV routes of the installation that every service's user belongs to.
pub const KV: &str = "/api/v1/github/kv/12345";

pub struct TestService {
    /// The state that the tests themselves use. No role limits its storage calls.
    pub app: App,
    pub clock: Arc<ManualClock>,
    pub faulty: Faulty,
    pub blobs: Folder,
    pub signer: Arc<Signer>,
    /// A member of GitHub installations 12345 and 67890.
    pub user: UserId,
    /// The API key id in the tokens signed here. It belongs to another user, so it is in no listing of the service's
    /// user.
    pub key: KeyId,
    pub gateway: Gateway,
    pub backend: Backend,
    pub github: Github,
    pub gitlab: Gitlab,
    /// The waits that provider clients asked for.
    pub pauses: Pauses,
    /// The rate limits of this service. Most tests run without limits.
    rates: RateLimits,
}

/// A GitHub installation by id.
pub struct MemberOf(pub u64);

impl TestService {
    pub async fn new() -> Self {
        Self::seeded(7).await
    }

    /// A service whose random faults depend on `seed`.
    pub async fn seeded(seed: u64) -> Self {
        let backend = Backend::start().await;
        let faulty = Faulty::start(&backend.endpoint, seed).await;
        let endpoint = faulty.endpoint().to_owned();
        Self::over(backend, faulty, &endpoint, RateLimits::default()).await
    }

    /// A service with these rate limits.
    pub async fn limited(rates: RateLimits) -> Self {
        let backend = Backend::start().await;
        let faulty = Faulty::start(&backend.endpoint, 7).await;
        let endpoint = faulty.endpoint().to_owned();
        Self::over(backend, faulty, &endpoint, rates).await
    }

    /// A service without the fault proxy, for tests with many calls.
    pub async fn direct() -> Self {
        let backend = Backend::start().await;
        let faulty = Faulty::start(&backend.endpoint, 0).await;
        let endpoint = backend.endpoint.clone();
        Self::over(backend, faulty, &endpoint, RateLimits::default()).await
    }

    async fn over(backend: Backend, faulty: Faulty, endpoint: &str, rates: RateLimits) -> Self {
        // The service's log of a failing test is printed above its panic message.
        let filter = Targets::new().with_default(tracing::Level::INFO).with_target("dynoxide", tracing::Level::ERROR);
        let layer = tracing_subscriber::fmt::layer().with_test_writer().with_filter(filter);
        let _ = tracing_subscriber::registry().with(layer).try_init();
        faulty.judge_by(Arc::new(roles::refusal));
        let blobs = Folder::new();
        let clock = Arc::new(ManualClock::at(START));
        let store = Store::new(&store_config("test", endpoint, &backend.tables, &blobs)).unwrap();
        let (github, gitlab, pauses) =
            (Github::start(clock.clone()).await, Gitlab::start(clock.clone()).await, Pauses::default());
        let providers = providers(&github, &gitlab, PATIENT, &pauses);
        let app = App::new(store, clock.clone(), settings(&rates)).with_providers(providers);
        let signer = signer();
        app.store.publish_key(signer.active_key().unwrap(), START).await.unwrap();
        app.warm_up().await;
        let gateway = Gateway::new(functions(&signer, |function| {
            of_function(&app, &store_config(function, endpoint, &backend.tables, &blobs))
        }));
        let (user, key) = (UserId::new(Random::default().id().unwrap()), KeyId::new(Random::default().id().unwrap()));
        let service =
            Self { app, clock, faulty, blobs, signer, user, key, gateway, backend, github, gitlab, pauses, rates };
        service.settle(user).await;
        service.faulty.ledger().take();
        service
    }

    async fn settle(&self, user: UserId) {
        self.app.store.put_user(&User { id: user, vcs: vec![Vcs::Github] }).await.unwrap();
        self.app.store.set_administrator(user, true).await.unwrap();
        let other_user = UserId::new(Random::default().id().unwrap());
        let key = self.key_record(self.key, other_user, [0; 32], &[]);
        self.app.store.create_api_key(&key, None).await.unwrap();
        for installation in [12345, 67890] {
            self.join(user, MemberOf(installation)).await;
            self.install(installation, InstallationState::Installed).await;
        }
    }

    /// Another process over the same storage, with empty caches.
    pub fn sandbox(&self) -> Gateway {
        let store = Store::new(&self.store_config("test")).unwrap();
        let providers = providers(&self.github, &self.gitlab, PATIENT, &self.pauses);
        let app = App::new(store, self.clock.clone(), settings(&self.rates)).with_providers(providers);
        Gateway::new(functions(&self.signer, |function| of_function(&app, &self.store_config(function))))
    }

    /// The state of a function without routes. Its storage calls are limited by its role.
    pub fn app_of(&self, function: &str) -> App {
        of_function(&self.app, &self.store_config(function))
    }

    /// The storage configuration for calls in a function's name.
    pub fn store_config(&self, function: &str) -> StoreConfig {
        store_config(function, self.faulty.endpoint(), &self.backend.tables, &self.blobs)
    }

    pub async fn join(&self, user: UserId, MemberOf(installation): MemberOf) {
        let namespace = Namespace { vcs: Vcs::Github, installation: InstallationId::new(installation) };
        self.app.store.put_membership(user, namespace, self.clock.now()).await.unwrap();
    }

    /// Stores a GitHub installation with this state.
    pub async fn install(&self, installation: u64, state: InstallationState) {
        let installation = Installation {
            namespace: Namespace { vcs: Vcs::Github, installation: InstallationId::new(installation) },
            name: format!("account-{installation}"),
            state,
            account: AccountStatus::Active,
            tier: Tier { name: "test".into(), num_users_per_month: None },
            created_at: START,
            trial_ends_at: None,
        };
        self.app.store.put_installation(&installation).await.unwrap();
    }

    /// Creates an API key of the service's user.
    pub async fn api_key(&self, capabilities: &[Capability]) -> String {
        let random = Random::default();
        let key = ApiKey { id: KeyId::new(random.id().unwrap()), secret: Secret::new(random.bytes().unwrap()) };
        let record = self.key_record(key.id, self.user, key.secret.hash(), capabilities);
        self.app.store.create_api_key(&record, None).await.unwrap();
        key.reveal(KeyEnvironment::Test)
    }

    /// An API key's record, not stored.
    pub fn key_record(&self, id: KeyId, user: UserId, secret: [u8; 32], capabilities: &[Capability]) -> ApiKeyRecord {
        ApiKeyRecord {
            id,
            user,
            vcs: Vcs::Github,
            name: KeyName::new("test".into()).unwrap(),
            capabilities: capabilities.iter().cloned().collect(),
            lineage: Lineage::default(),
            administration: false,
            secret_hash: secret,
            created_at: self.clock.now(),
            expires_at: None,
            last_used_at: None,
        }
    }

    /// An access token of the service's user, signed directly without an exchange.
    pub fn token(&self, capabilities: &[Capability]) -> String {
        self.token_of(self.user, capabilities)
    }

    /// An access token of the service's user with administrator rights.
    pub fn admin_token(&self, capabilities: &[Capability]) -> String {
        self.admin_token_of(self.user, capabilities)
    }

    pub fn admin_token_of(&self, user: UserId, capabilities: &[Capability]) -> String {
        let claims = Claims { sub: user, ..self.claims(capabilities) };
        self.signer.sign(&claims.with_administration(true)).unwrap()
    }

    pub fn token_of(&self, user: UserId, capabilities: &[Capability]) -> String {
        self.signer.sign(&Claims { sub: user, ..self.claims(capabilities) }).unwrap()
    }

    /// The cookie of a session that begins now: `session=<value>`.
    pub async fn session_of(&self, user: UserId) -> String {
        let now = self.clock.now().seconds();
        self.session_from(user, now, now).await
    }

    /// The cookie of a session with these times of creation and last use.
    pub async fn session_from(&self, user: UserId, created_at: Seconds, last_used_at: Seconds) -> String {
        let token = OpaqueToken::new(Random::default().bytes().unwrap());
        let session = Session { id: SessionId::new(token.hash()), user, created_at, last_used_at };
        self.app.store.put_session(&session).await.unwrap();
        format!("session={}", token.reveal())
    }

    /// The claims of an access token of the service's user.
    pub fn claims(&self, capabilities: &[Capability]) -> Claims {
        let capabilities: Capabilities = capabilities.iter().cloned().collect();
        let id = Random::default().id().unwrap();
        Claims::new("terrapi", self.clock.now().seconds(), id, self.user, self.key, capabilities)
    }

    /// A cursor of one of the service's user's listings, wherever it leads.
    pub async fn cursor(&self, listing: &str, position: &Value) -> String {
        seal_position(&self.app, &format!("{}#{listing}", self.user), position).await.unwrap()
    }

    /// A token that reads and writes the KV store.
    pub fn kv_token(&self) -> String {
        self.token(&[Capability::KvStoreRead, Capability::KvStoreWrite])
    }

    /// Sends a request as a front end would.
    pub async fn send(&self, request: Request) -> Reply {
        send_to(&self.gateway, request).await
    }

    pub async fn call(&self, method: Method, path: &str, token: &str, body: Option<Value>) -> Reply {
        self.send(request(method, path, token, body)).await
    }

    /// Sends a request as a page of our own origin does, with this cookie.
    pub async fn browse(&self, method: Method, path: &str, cookie: &str, body: Option<Value>) -> Reply {
        let mut request = request(method, path, "", body);
        request.headers_mut().insert(COOKIE, cookie.parse().unwrap());
        request.headers_mut().insert(ORIGIN, "https://api.example.test".parse().unwrap());
        self.send(request).await
    }

    pub async fn get(&self, path: &str, token: &str) -> Reply {
        self.call(Method::GET, path, token, None).await
    }

    pub async fn put(&self, path: &str, token: &str, body: Value) -> Reply {
        self.call(Method::PUT, path, token, Some(body)).await
    }

    pub async fn post(&self, path: &str, token: &str, body: Value) -> Reply {
        self.call(Method::POST, path, token, Some(body)).await
    }

    pub async fn delete(&self, path: &str, token: &str) -> Reply {
        self.call(Method::DELETE, path, token, None).await
    }

    /// Stages values under one key, with idx 0, 1, 2, ….
    pub async fn stage(&self, token: &str, key: &str, values: &[Value]) {
        for (idx, value) in values.iter().enumerate() {
            let body = json!({"data": value, "idx": idx, "committed": false});
            self.put(&format!("{KV}/key/{key}"), token, body).await.ok();
        }
    }

    /// Folds commits as the worker does after a stream event. Returns how many.
    pub async fn fold(&self) -> usize {
        let namespace = Namespace { vcs: Vcs::Github, installation: InstallationId::new(12345) };
        self.app_of("worker").store.fold_commits(namespace).await.unwrap()
    }
}

pub async fn send_to(gateway: &Gateway, mut request: Request) -> Reply {
    let client = || ClientInfo { source_ip: Some("192.0.2.1".into()), user_agent: Some("test".into()) };
    request.extensions_mut().get_or_insert_with(client);
    let (_, function) = gateway.function(request.uri().path());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let reply = Reply::read(function.oneshot(request).await.unwrap()).await;
    openapi::check(&method, &path, &reply);
    reply
}

pub fn request(method: Method, path: &str, token: &str, body: Option<Value>) -> Request {
    let builder = Request::builder().method(method).uri(path).header("host", "api.example.test");
    let builder = if token.is_empty() { builder } else { builder.header(AUTHORIZATION, format!("Bearer {token}")) };
    match body {
        Some(body) => builder.header(CONTENT_TYPE, "application/json").body(Body::from(body.to_string())).unwrap(),
        None => builder.body(Body::empty()).unwrap(),
    }
}

/// Every function's routes, by the function's name.
pub fn routes<D: Description>(signer: &Arc<Signer>) -> [(&'static str, Routes<D>); 7] {
    terrapi_server::functions::routes(Arc::new(Signing::fixed(signer.clone())))
}

fn functions(signer: &Arc<Signer>, app: impl Fn(&str) -> App) -> HashMap<String, axum::Router> {
    routes(signer).into_iter().map(|(name, routes)| (name.to_owned(), lambda_service(routes, app(name)))).collect()
}

/// A copy of `app` whose storage calls use a function's name.
fn of_function(app: &App, config: &StoreConfig) -> App {
    App { store: Store::new(config).unwrap(), ..app.clone() }
}

pub fn signer() -> Arc<Signer> {
    let file = SigningKeyFile::new(SEED.into());
    Arc::new(Signer::new(&file, "terrapi".into()).unwrap())
}

fn settings(rates: &RateLimits) -> Settings {
    Settings {
        issuer: "terrapi".into(),
        public_base_url: None,
        listed_origins: ListedOrigins::default(),
        administrators: Administrators::default(),
        key_environment: KeyEnvironment::Test,
        rates: rates.clone(),
        membership_max_age: MembershipMaxAge::default(),
        app_name: "HCP Terraform".into(),
    }
}

fn store_config(caller: &str, endpoint: &str, tables: &Tables, blobs: &Folder) -> StoreConfig {
    StoreConfig {
        tables: tables.clone(),
        endpoint: Some(endpoint.to_owned()),
        aws: backend::aws(caller),
        blobs: Some(format!("file://{}", blobs.path().display())),
        // A machine that compiles while the tests run is slower than DynamoDB.
        timeouts: Timeouts { attempt: Duration::from_secs(3), operation: Duration::from_secs(20) },
    }
}
