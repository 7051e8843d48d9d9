//! Creates the first credentials: an administrator with an API key, and a second user with fewer permissions.
//!
//! Secrets that cannot be derived again are kept in the data folder (the texts of the key, of the sessions and of the
//! organization's token, and the seed of the signing key). Missing rows of the tables are written at each start, so a
//! start that was interrupted is completed by the next one. Sessions are new at each start.

use std::{collections::BTreeMap, fs, io, path::Path};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials as AwsCredentials, SharedCredentialsProvider};
use serde::{Deserialize, Serialize};
use terrapi::{
    auth::{ApiKey, KeyEnvironment, OpaqueToken, Secret, SigningKeyFile},
    domain::{
        AccountStatus, ApiKeyRecord, Capabilities, Capability, Identity, Installation, InstallationId,
        InstallationState, KeyId, KeyName, Lineage, Namespace, Profile, Session, SessionId, Tier, UserId, Vcs,
    },
    runtime::{Clock, Random, SystemClock},
    store::{Store, StoreConfig, Tables, Timeouts},
};

use crate::{
    emulator,
    engine::Engine,
    error::{Error, Result},
    organization,
    settings::{Settings, write_private},
    template::Template,
};

/// The file with the administrator's key and both users' sessions.
const CREDENTIALS: &str = "credentials.json";
/// The file with the signing key.
const SIGNING_KEYS: &str = "signing-keys.json";
/// The file with the settings of GitHub and GitLab, for developers who want to sign in there.
const PROVIDERS: &str = "providers.json";
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

/// Returns the first credentials and creates what is missing.
///
/// # Errors
/// [`Error::DataFolder`] or [`Error::Bootstrap`].
pub async fn ensure(engine: &Engine, template: &Template, settings: &Settings) -> Result<Credentials> {
    let random = Random::default();
    let keys = key_file(&settings.data_dir, &random)?;
    signing_keys(&settings.data_dir, &random)?;
    provider_secret(&settings.data_dir, &random)?;
    seed(&store(engine, template)?, &keys).await?;
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

/// The environment of the functions, including the locations of the secrets.
pub fn environment(settings: &Settings, template: &Template, engine: &Engine) -> Vec<(String, String)> {
    let mut variables = emulator::environment(settings, template, &engine.endpoint());
    for (name, file) in [("TERRAPI_SIGNING_KEYS", SIGNING_KEYS), ("TERRAPI_SECRET_ARN", PROVIDERS)] {
        variables.push((name.to_owned(), format!("file://{}", settings.data_dir.join(file).display())));
    }
    variables
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
    let path = folder.join(CREDENTIALS);
    let mut file: KeyFile = if let Some(text) = read(&path)? {
        serde_json::from_str(&text).map_err(|error| damaged(&path, &error))?
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
    write(&path, &file)?;
    Ok(file)
}

fn signing_keys(folder: &Path, random: &Random) -> Result<()> {
    let path = folder.join(SIGNING_KEYS);
    if read(&path)?.is_some() {
        return Ok(());
    }
    write(&path, &SigningKeyFile::new(seed_text(random)?))
}

/// The local file in place of the providers' secret. Initially it has only the key that encrypts people's tokens.
fn provider_secret(folder: &Path, random: &Random) -> Result<()> {
    let path = folder.join(PROVIDERS);
    if read(&path)?.is_some() {
        return Ok(());
    }
    write(&path, &BTreeMap::from([("TOKEN_SEALING_KEY", seed_text(random)?)]))
}

fn seed_text(random: &Random) -> Result<String> {
    let seed: [u8; 32] = random.bytes()?;
    let digits = seed.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    Ok(digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect())
}

/// What the SDK needs to know to call the engine.
pub fn aws() -> SdkConfig {
    let credentials = AwsCredentials::new(emulator::DUMMY, emulator::DUMMY, None, None, "local");
    let credentials = SharedCredentialsProvider::new(credentials);
    let aws = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).credentials_provider(credentials);
    aws.region(Region::new(emulator::REGION)).build()
}

fn store(engine: &Engine, template: &Template) -> Result<Store> {
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

fn read(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::DataFolder { path: path.to_owned(), source }),
    }
}

fn write(path: &Path, content: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string(content).map_err(|error| damaged(path, &error))?;
    write_private(path, &format!("{text}\n")).map_err(|source| Error::DataFolder { path: path.to_owned(), source })
}

fn damaged(path: &Path, error: &serde_json::Error) -> Error {
    Error::Bootstrap(format!("{} is damaged ({error}); remove it to get a new one", path.display()))
}

#[cfg(test)]
mod tests {
    use terrapi::auth::TeamSecret;

    use super::*;

    #[tokio::test]
    async fn key_and_sessions_survive_a_restart() {
        let engine = Engine::with_tables().unwrap();
        let template = Template::project().unwrap();
        let data_dir = std::env::temp_dir().join(format!("terrapi-bootstrap-{}", std::process::id()));
        let settings =
            Settings { port: 1, data_dir: data_dir.clone(), workspace: data_dir.clone(), log: String::new() };
        let _lock = settings.lock_data_dir().unwrap();
        let first = ensure(&engine, template, &settings).await.unwrap();
        let second = ensure(&engine, template, &settings).await.unwrap();
        let elsewhere = Engine::with_tables().unwrap();
        let third = ensure(&elsewhere, template, &settings).await.unwrap();
        let path = data_dir.join(CREDENTIALS);
        write(&path, &serde_json::json!({"api_key": first.api_key})).unwrap();
        let old = ensure(&elsewhere, template, &settings).await.unwrap();
        fs::remove_dir_all(&data_dir).unwrap();
        assert_eq!(first.api_key, second.api_key);
        assert_eq!(first.organization_token, third.organization_token);
        assert_eq!(first.api_key, third.api_key, "even when the tables are gone");

        let store = store(&elsewhere, template).unwrap();
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
