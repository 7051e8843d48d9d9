//! The stage: an engine with the project's tables, a user with an API key, and the configuration of the functions.

use std::fs;
use std::path::PathBuf;

use dynoxide::actions::get_item::GetItemRequest;
use dynoxide::types::{AttributeValue, Item};
use dynoxide::{Database, ImportOptions};
use serde_json::json;
use terrapi::auth::{ApiKey, Claims, KeyEnvironment, OpaqueToken, Secret, Signer, SigningKeyFile};
use terrapi::domain::{
    ApiKeyRecord, Capabilities, Capability, InstallationId, KeyId, KeyName, Lineage, Namespace, Session, SessionId,
    UserId, Vcs,
};
use terrapi::runtime::{Clock as _, Random, SystemClock};
use terrapi::store::{Store, StoreConfig, Tables, User};
use terrapi_local::{Engine, Template};
use uuid::Uuid;

use crate::Result;
use crate::process::{Function, Programs};

/// The installation that most rows use.
pub const INSTALLATION: u64 = 12345;
const CAPABILITIES: [Capability; 3] =
    [Capability::AccessTokenRefresh, Capability::KvStoreRead, Capability::KvStoreWrite];
const SEED: &str = "bench-signing-key-of-every-run-0123456789-abcdefghijklmnop";

/// Everything that the functions need. It is removed when dropped.
pub struct Stage {
    engine: Engine,
    tables: Tables,
    folder: PathBuf,
    store: Store,
    signer: Signer,
    user: UserId,
    random: Random,
}

impl Stage {
    /// An engine in memory with one user, who is a member of [`INSTALLATION`].
    pub async fn new() -> Result<Self> {
        let engine = Engine::with_tables()?;
        let template = Template::project()?;
        let name = |role| template.table(role).map(|table| table.name.clone()).ok_or("no such table");
        let tables = Tables { identity: name("identity")?, kv: name("kv")?, operations: name("operations")? };
        let folder = std::env::temp_dir().join(format!("terrapi-bench-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("keys.json"), signing_keys())?;
        let signer = Signer::new(&SigningKeyFile::new(SEED.into()), "terrapi".into())?;
        let store = Store::new(&StoreConfig {
            tables: tables.clone(),
            endpoint: Some(engine.endpoint()),
            aws: terrapi_local::bootstrap::aws(),
            blobs: None,
            timeouts: terrapi::store::Timeouts::default(),
        })?;
        let user = UserId::new(Uuid::from_u128(1));
        let stage = Self { engine, tables, folder, store, signer, user, random: Random::default() };
        for key in stage.signer.public_keys() {
            stage.store.publish_key(key, SystemClock.now()).await?;
        }
        stage.store.put_user(&User { id: user, vcs: vec![Vcs::Github] }).await?;
        stage.join(INSTALLATION).await?;
        Ok(stage)
    }

    /// The URL of the engine.
    pub fn endpoint(&self) -> String {
        self.engine.endpoint()
    }

    pub fn kv_table(&self) -> &str {
        &self.tables.kv
    }

    /// The name of the table with users, organizations and the audit trail.
    pub fn identity_table(&self) -> &str {
        &self.tables.identity
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The owner of everything on the stage.
    pub fn user(&self) -> UserId {
        self.user
    }

    pub fn random(&self) -> &Random {
        &self.random
    }

    /// Makes the user a member of an installation.
    pub async fn join(&self, installation: u64) -> Result<()> {
        let namespace = Namespace { vcs: Vcs::Github, installation: InstallationId::new(installation) };
        Ok(self.store.put_membership(self.user, namespace, SystemClock.now()).await?)
    }

    /// Creates an API key of the user.
    pub async fn api_key(&self) -> Result<String> {
        let key = ApiKey { id: KeyId::new(self.random.id()?), secret: Secret::new(self.random.bytes()?) };
        let record = ApiKeyRecord {
            id: key.id,
            user: self.user,
            vcs: Vcs::Github,
            name: KeyName::new("bench".into())?,
            capabilities: CAPABILITIES.into_iter().collect(),
            lineage: Lineage::default(),
            administration: false,
            secret_hash: key.secret.hash(),
            created_at: SystemClock.now(),
            expires_at: None,
            last_used_at: None,
        };
        self.store.create_api_key(&record, None).await?;
        Ok(key.reveal(KeyEnvironment::Test))
    }

    /// Creates a session of the user and returns its cookie.
    pub async fn session(&self) -> Result<String> {
        let (token, now) = (OpaqueToken::new(self.random.bytes()?), SystemClock.now().seconds());
        self.store.put_session(&Session::begin(SessionId::new(token.hash()), self.user, now)).await?;
        Ok(format!("session={}", token.reveal()))
    }

    /// A new access token, valid for a minute.
    pub fn token(&self) -> Result<String> {
        let capabilities: Capabilities = CAPABILITIES.into_iter().skip(1).collect();
        let now = SystemClock.now().seconds();
        let key = KeyId::new(Uuid::from_u128(2));
        let claims = Claims::new("terrapi", now, self.random.id()?, self.user, key, capabilities);
        Ok(self.signer.sign(&claims)?)
    }

    /// A program with the variables of a deployment, using this stage's engine.
    pub fn function(&self, program: PathBuf) -> Function {
        let folder = self.folder.display();
        let variables = [
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "bench".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "bench".to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", self.endpoint()),
            ("TERRAPI_IDENTITY_TABLE", self.tables.identity.clone()),
            ("TERRAPI_KV_TABLE", self.tables.kv.clone()),
            ("TERRAPI_OPERATIONS_TABLE", self.tables.operations.clone()),
            ("TERRAPI_BLOBS", format!("file://{folder}")),
            ("TERRAPI_SIGNING_KEYS", format!("file://{folder}/keys.json")),
        ];
        let environment = variables.map(|(name, value)| (name.to_owned(), value)).into();
        Function { program, environment }
    }

    pub fn kv_store(&self, programs: &Programs) -> Function {
        self.function(programs.function("kv-store"))
    }

    /// The function `team-tokens` without its default rate limit, which a closed loop would exceed.
    pub fn team_tokens(&self, programs: &Programs) -> Function {
        let function = self.function(programs.function("team-tokens"));
        function.with("RATE_LIMIT_PRINCIPALS_PER_SECOND", "0").with("RATE_LIMIT_PRINCIPALS_BURST", "0")
    }

    /// Fills an installation with `count` copies of a record of [`INSTALLATION`], under the keys [`key`] of 0, 1, ….
    pub fn fill(&self, installation: u64, count: u64, record: &str) -> Result<()> {
        let original = self.item(record)?;
        let copy = |number| {
            let mut item = original.clone();
            item.insert("pk".into(), AttributeValue::S(format!("github#{installation}")));
            item.insert("sk".into(), AttributeValue::B([key(number).as_bytes(), &[0; 5]].concat()));
            item
        };
        self.database().import_items(&self.tables.kv, (0..count).map(copy).collect(), ImportOptions::default())?;
        Ok(())
    }

    fn item(&self, record: &str) -> Result<Item> {
        let key = [
            ("pk".into(), AttributeValue::S(format!("github#{INSTALLATION}"))),
            ("sk".into(), AttributeValue::B([record.as_bytes(), &[0; 5]].concat())),
        ];
        let get = GetItemRequest { table_name: self.tables.kv.clone(), key: key.into(), ..GetItemRequest::default() };
        let found = self.database().get_item(get)?.item;
        found.ok_or_else(|| format!("there is no record {record}").into())
    }

    fn database(&self) -> &Database {
        self.engine.database()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // A remaining temporary folder does no harm.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The signing keys in their stored form.
pub fn signing_keys() -> String {
    json!({ "seed": SEED }).to_string()
}

/// The key of record `number` of a filled installation.
pub fn key(number: u64) -> String {
    format!("run/{number:08}")
}

/// The path of a record.
pub fn record_path(installation: u64, key: &str) -> String {
    format!("/api/v1/github/kv/{installation}/key/{key}")
}
