//! Creates the first credentials: an administrator with an API key, and a second user with fewer permissions.
//!
//! Secrets that cannot be derived again are kept in the data folder (the texts of the key, of the sessions and of the
//! organization's token). Missing rows of the tables are written at each start, so a
//! start that was interrupted is completed by the next one. Sessions are new at each start.

use std::path::Path;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials as AwsCredentials, SharedCredentialsProvider};
use serde::{Deserialize, Serialize};
use terrapi::{
    auth::{ApiKey, KeyEnvironment, OpaqueToken, Secret},
    domain::{
        AccountStatus, ApiKeyRecord, Capabilities, Capability, Identity, Installation, InstallationId,
        InstallationState, KeyId, KeyName, Lineage, Namespace, Profile, Session, SessionId, Tier, UserId, Vcs,
    },
    runtime::{Clock, Random, SystemClock},
    store::{Store, StoreConfig, Tables, Timeouts},
};

use crate::{
    engine::Engine,
    error::{Error, Result},
    folder::{self, DataFolder},
    organization,
    template::Template,
};

/// The SDK requires a Region and credentials even for an engine that ignores them.
pub const REGION: &str = "us-east-1";
/// See [`REGION`].
pub const DUMMY: &str = "local";
/// The id of `local-admin`, which is the same on every machine.
const ADMINISTRATOR: &str = "00000000-0000-4000-8000-000000000001";
/// The id of the second user.
const OTHER_USER: &str = "00000000-0000-4000-8000-000000000002";
/// Both users' numbers at GitHub: numbers that GitHub has not assigned.
const LOCAL_NUMBERS: u64 = 9_000_000_000_000;
/// The installation of the administrator alone.
const INSTALLATION: u64 = 12_345;
/// The installation of both users.
const OTHER_INSTALLATION: u64 = 67_890;

/// The credentials and ids that a client of the local stack needs.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub api_key: String,
    pub session_cookie: String,
    pub other_session_cookie: String,
    /// The provider of both installations.
    pub vcs: String,
    pub organization_token: String,
    /// A team of that organization.
    pub team_id: String,
    /// The installation of the administrator alone.
    pub installation_id: String,
    /// The installation of both users.
    pub other_installation_id: String,
}

#[derive(Serialize, Deserialize)]
struct KeyFile {
    api_key: String,
    /// Absent in a file that was written before sessions existed.
    #[serde(default)]
    session: String,
    #[serde(default)]
    other_session: String,
    #[serde(default)]
    organization_token: String,
}

/// Returns the first credentials and creates what is missing in the folder and in the tables of `store`.
///
/// # Errors
/// [`Error::DataFolder`] or [`Error::Bootstrap`].
pub async fn ensure(store: &Store, folder: &DataFolder) -> Result<Credentials> {
    let random = Random::default();
    let keys = key_file(folder.path(), &random)?;
    seed(store, &keys).await?;
    Ok(Credentials {
        session_cookie: format!("session={}", keys.session),
        other_session_cookie: format!("session={}", keys.other_session),
        api_key: keys.api_key,
        team_id: organization::team_id(&keys.organization_token)?,
        organization_token: keys.organization_token,
        vcs: Vcs::Github.to_string(),
        installation_id: INSTALLATION.to_string(),
        other_installation_id: OTHER_INSTALLATION.to_string(),
    })
}

async fn seed(store: &Store, keys: &KeyFile) -> terrapi::domain::Result<()> {
    let corrupt = || terrapi::domain::Error::bug("the local credentials are damaged");
    let administrator = UserId::parse(ADMINISTRATOR).ok_or_else(corrupt)?;
    let other = UserId::parse(OTHER_USER).ok_or_else(corrupt)?;
    for (id, login, is_administrator, installations) in [
        (administrator, "local-admin", true, &[INSTALLATION, OTHER_INSTALLATION][..]),
        (other, "local-user", false, &[OTHER_INSTALLATION]),
    ] {
        let complete = !is_administrator || store.is_administrator(id).await?;
        if !complete || store.find_identity(id, Vcs::Github).await?.is_none() {
            store.set_administrator(id, is_administrator).await?;
            store.put_identity(&local_identity(id, login, is_administrator), None, is_administrator, None).await?;
        }
        for installation in installations {
            let installation = InstallationId::new(*installation);
            let namespace = Namespace { vcs: Vcs::Github, installation };
            store.put_membership(id, namespace, SystemClock.now()).await?;
        }
    }
    for installation in [INSTALLATION, OTHER_INSTALLATION] {
        let namespace = Namespace { vcs: Vcs::Github, installation: InstallationId::new(installation) };
        if store.find_installation(namespace).await?.is_none() {
            store.put_installation(&local_installation(namespace)).await?;
        }
    }
    for (user, session) in [(administrator, &keys.session), (other, &keys.other_session)] {
        let token = OpaqueToken::parse(session).ok_or_else(corrupt)?;
        store.put_session(&Session::begin(SessionId::new(token.hash()), user, SystemClock.now().seconds())).await?;
    }
    organization::seed(store, &keys.organization_token, administrator, INSTALLATION).await?;
    let key = ApiKey::parse(&keys.api_key).ok_or_else(corrupt)?;
    if store.find_api_key(key.id).await?.is_some() {
        return Ok(());
    }
    let capabilities = [Capability::AccessTokenCreate, Capability::KvStoreRead, Capability::KvStoreWrite];
    store
        .create_api_key(
            &ApiKeyRecord {
                id: key.id,
                user: administrator,
                vcs: Vcs::Github,
                name: KeyName::new("local-admin".to_owned())?,
                capabilities: Capabilities::from_iter(capabilities),
                lineage: Lineage::default(),
                administration: false,
                secret_hash: key.secret.hash(),
                created_at: SystemClock.now(),
                expires_at: None,
                last_used_at: None,
            },
            None,
        )
        .await
}

fn local_installation(namespace: Namespace) -> Installation {
    Installation {
        namespace,
        name: format!("local-{}", namespace.installation),
        state: InstallationState::Installed,
        account: AccountStatus::Active,
        tier: Tier { name: "local".to_owned(), num_users_per_month: None },
        created_at: SystemClock.now(),
        trial_ends_at: None,
    }
}

fn local_identity(user: UserId, login: &str, is_administrator: bool) -> Identity {
    let profile = Profile {
        id: LOCAL_NUMBERS + u64::from(is_administrator),
        login: login.to_owned(),
        name: None,
        email: None,
        avatar_url: None,
    };
    Identity { vcs: Vcs::Github, user, profile }
}

/// Reads the texts from their file and creates missing ones. The tables hold only hashes.
fn key_file(folder: &Path, random: &Random) -> Result<KeyFile> {
    let path = folder.join(folder::CREDENTIALS);
    let mut file: KeyFile = if let Some(file) = folder::read_json(&path)? {
        file
    } else {
        let key = ApiKey { id: KeyId::new(random.id()?), secret: Secret::new(random.bytes()?) };
        let api_key = key.reveal(KeyEnvironment::Test);
        KeyFile { api_key, session: String::new(), other_session: String::new(), organization_token: String::new() }
    };
    for session in [&mut file.session, &mut file.other_session] {
        if session.is_empty() {
            *session = OpaqueToken::new(random.bytes()?).reveal();
        }
    }
    if file.organization_token.is_empty() {
        file.organization_token = organization::new_token(random)?;
    }
    folder::write_json(&path, &file)?;
    Ok(file)
}

/// What the SDK needs to know to call the engine on its port.
pub fn aws() -> SdkConfig {
    let credentials = AwsCredentials::new(DUMMY, DUMMY, None, None, "local");
    let credentials = SharedCredentialsProvider::new(credentials);
    let aws = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).credentials_provider(credentials);
    aws.region(Region::new(REGION)).build()
}

/// A store on the engine's tables, without object storage.
///
/// # Errors
/// [`Error::Template`] if a table is missing.
pub fn store(engine: &Engine, template: &Template) -> Result<Store> {
    let name = |role: &str| {
        template.table(role).map(|table| table.name.clone()).ok_or_else(|| Error::Template(format!("no table {role}")))
    };
    Store::new(&StoreConfig {
        tables: Tables { identity: name("identity")?, kv: name("kv")?, operations: name("operations")? },
        endpoint: Some(engine.endpoint()),
        aws: aws(),
        blobs: None,
        timeouts: Timeouts::default(),
    })
    .map_err(Error::from)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use terrapi::auth::TeamSecret;

    use super::*;

    #[tokio::test]
    async fn key_and_sessions_survive_a_restart() {
        let engine = Engine::with_tables().unwrap();
        let template = Template::project().unwrap();
        let folder = DataFolder::new(std::env::temp_dir().join(format!("terrapi-bootstrap-{}", std::process::id())));
        let _lock = folder.lock().unwrap();
        let here = store(&engine, template).unwrap();
        let first = ensure(&here, &folder).await.unwrap();
        let second = ensure(&here, &folder).await.unwrap();
        let elsewhere = Engine::with_tables().unwrap();
        let store = store(&elsewhere, template).unwrap();
        let third = ensure(&store, &folder).await.unwrap();
        let path = folder.path().join(folder::CREDENTIALS);
        folder::write_json(&path, &serde_json::json!({"api_key": first.api_key})).unwrap();
        let old = ensure(&store, &folder).await.unwrap();
        fs::remove_dir_all(folder.path()).unwrap();
        assert_eq!(first.api_key, second.api_key);
        assert_eq!(first.organization_token, third.organization_token);
        assert_eq!(first.api_key, third.api_key, "even when the tables are gone");

        assert_eq!(
            (&first.session_cookie, &first.other_session_cookie),
            (&third.session_cookie, &third.other_session_cookie)
        );
        assert_ne!(old.session_cookie, first.session_cookie, "a file from before there were sessions is completed");
        let now = SystemClock.now().seconds();
        let cookies = [(&third.session_cookie, ADMINISTRATOR), (&third.other_session_cookie, OTHER_USER)];
        for (cookie, user) in cookies {
            let token = OpaqueToken::parse(cookie.strip_prefix("session=").unwrap()).unwrap();
            let session = store.find_session(SessionId::new(token.hash()), now).await.unwrap().unwrap();
            assert_eq!(Some(session.user), UserId::parse(user));
        }
        let secret = TeamSecret::parse(&third.organization_token).unwrap();
        assert!(secret.matches(&store.find_team_token(secret.id()).await.unwrap().unwrap().secret_hash));
        let key = ApiKey::parse(&first.api_key).unwrap();
        let row = store.find_api_key(key.id).await.unwrap().unwrap();
        assert!(key.secret.matches(&row.secret_hash));
        assert_eq!(row.capabilities.iter().count(), 3);
        assert!(store.is_administrator(row.user).await.unwrap());
        let identity = store.find_identity(row.user, Vcs::Github).await.unwrap().unwrap();
        assert_eq!(identity.profile.login, "local-admin");
        for id in [INSTALLATION, OTHER_INSTALLATION] {
            let namespace = Namespace { vcs: Vcs::Github, installation: InstallationId::new(id) };
            store.find_installation(namespace).await.unwrap().unwrap().require_active().unwrap();
        }
        let other = UserId::parse(OTHER_USER).unwrap();
        let in_installation = |id| Namespace { vcs: Vcs::Github, installation: InstallationId::new(id) };
        assert!(store.find_membership(other, in_installation(OTHER_INSTALLATION)).await.unwrap().is_some());
        assert!(store.find_membership(other, in_installation(INSTALLATION)).await.unwrap().is_none());
        assert!(!store.is_administrator(other).await.unwrap());
    }
}
