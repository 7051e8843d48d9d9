//! Creates an administrator who did not sign in with a provider, and an API key of theirs.

use clap::Args;
use serde_json::json;
use terrapi::auth::{ApiKey, Secret};
use terrapi::domain::{
    ApiKeyRecord, AuditAction, AuditChange, AuditEntry, AuditOutcome, Capabilities, Capability, Identity, KeyId,
    KeyName, Lineage, Permission, PermissionChange, Profile, UserId, Vcs,
};
use terrapi::runtime::App;
use terrapi_local::folder::DataFolder;

use super::client;
use super::opened::Opened;
use crate::error::{Error, Result};

/// Numbers from here on are assigned by no provider. They are exact in JSON (below 2^53).
const FIRST_NUMBER: u64 = 8_000_000_000_000_000;
/// How many of them there are.
const NUMBERS: u64 = 1 << 48;
/// Begins a login that no provider accepts, so that it is never taken for that of a person.
const LOGIN_PREFIX: &str = "local:";

#[derive(Debug, Args)]
pub struct CreateAdministrator {
    /// The name of the administrator and of the key
    #[arg(long)]
    name: String,
    /// The provider in the paths that the key is for
    #[arg(long, default_value = "github", value_parser = ["github", "gitlab"])]
    vcs: String,
    /// Print a JSON object with the key and its ids
    #[arg(long)]
    json: bool,
}

/// Creates the administrator and prints the key. It cannot be printed again.
pub async fn run(folder: &DataFolder, options: CreateAdministrator) -> Result<()> {
    let vcs = Vcs::parse(&options.vcs).ok_or_else(|| Error::Setting(format!("{} is no provider", options.vcs)))?;
    let name = options.name.trim();
    if name.is_empty() {
        return Err(Error::Setting("--name must not be empty".to_owned()));
    }
    let name = KeyName::new(name.to_owned())?;
    let app = Opened::or_created(folder).await?.app;
    let user = create_user(&app, vcs, &name).await?;
    let key = ApiKey { id: KeyId::new(app.random.id()?), secret: Secret::new(app.random.bytes()?) };
    create_key(&app, (user, vcs), name, &key).await?;
    let revealed = key.reveal(app.settings.key_environment);
    if options.json {
        println!("{}", json!({"key": revealed, "key_id": key.id, "user_id": user}));
    } else {
        println!("{revealed}");
    }
    eprintln!("terrapi: administrator {user} with the API key {}; the key is not printed again", key.id);
    Ok(())
}

/// Creates a user with an identity at the provider, as a sign-in does.
async fn create_user(app: &App, vcs: Vcs, name: &KeyName) -> Result<UserId> {
    let user = UserId::new(app.random.id()?);
    let profile = Profile {
        id: FIRST_NUMBER + u64::from_be_bytes(app.random.bytes()?) % NUMBERS,
        login: format!("{LOGIN_PREFIX}{}", name.as_str()),
        name: Some(name.as_str().to_owned()),
        email: None,
        avatar_url: None,
    };
    let granted = PermissionChange { user, permission: Permission::Administrator, change: AuditChange::Granted };
    let done = (AuditAction::PermissionChanged, AuditOutcome::Success);
    let entry = AuditEntry { subject: Some(granted), ..client().audited(app.clock.now(), done, user, None) };
    let audit_entry = app.audit_record(entry)?;
    let identity = Identity { vcs, user, profile };
    if app.store.put_identity(&identity, None, true, Some(&audit_entry)).await? {
        Ok(user)
    } else {
        Err(Error::Start("the random number of the administrator is in use; try again".to_owned()))
    }
}

async fn create_key(app: &App, (user, vcs): (UserId, Vcs), name: KeyName, key: &ApiKey) -> Result<()> {
    let now = app.clock.now();
    let record = ApiKeyRecord {
        id: key.id,
        user,
        vcs,
        name,
        // All of them: a key can only create keys with capabilities of its own.
        capabilities: Capabilities::from_iter([
            Capability::AccessTokenCreate,
            Capability::KvStoreRead,
            Capability::KvStoreWrite,
        ]),
        lineage: Lineage::default(),
        administration: true,
        secret_hash: key.secret.hash(),
        created_at: now,
        expires_at: None,
        last_used_at: None,
    };
    let done = (AuditAction::KeyCreated, AuditOutcome::Success);
    let audit_entry = app.audit_record(client().audited(now, done, user, Some(key.id)))?;
    Ok(app.store.create_api_key(&record, Some(&audit_entry)).await?)
}
