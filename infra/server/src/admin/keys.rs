//! Lists and revokes API keys.

use clap::Subcommand;
use serde_json::{Value, json};
use terrapi::domain::{
    ApiKeyRecord, AuditAction, AuditEntry, AuditOutcome, Error as DomainError, KeyId, Millis, Seconds, UserId,
};
use terrapi::runtime::App;
use terrapi::store::NewAuditEntry;
use terrapi_local::folder::DataFolder;

use super::client;
use super::opened::Opened;
use crate::error::{Error, Result};

#[derive(Debug, Subcommand)]
pub enum Keys {
    /// List API keys: id, owner, creation, expiry, last use, `administration` or `-`, and name, separated by tabs
    List {
        /// Only the keys of this user
        #[arg(long, value_name = "ID", value_parser = parse_user)]
        user: Option<UserId>,
        /// Print a JSON object for each key
        #[arg(long)]
        json: bool,
    },
    /// Delete an API key and all keys that were created with it
    Revoke {
        #[arg(value_name = "KEY_ID", value_parser = parse_key)]
        id: KeyId,
    },
}

pub async fn run(folder: &DataFolder, command: Keys) -> Result<()> {
    let app = Opened::existing(folder)?.app;
    match command {
        Keys::List { user, json } => list(&app, user, json).await,
        Keys::Revoke { id } => revoke(&app, id).await,
    }
}

async fn list(app: &App, user: Option<UserId>, json: bool) -> Result<()> {
    let mut after = None;
    loop {
        let (keys, next) = app.store.scan_api_keys(after).await?;
        for key in keys.iter().filter(|key| user.is_none_or(|user| key.user == user)) {
            if json { println!("{}", object(key)) } else { println!("{}", line(key)) }
        }
        match next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

fn line(key: &ApiKeyRecord) -> String {
    let at = |at: Option<Millis>| at.map_or_else(|| "-".to_owned(), Millis::rfc3339);
    let columns = [
        key.id.to_string(),
        key.user.to_string(),
        at(Some(key.created_at)),
        at(key.expires_at.map(Seconds::millis)),
        at(key.last_used_at.map(Seconds::millis)),
        if key.administration { "administration" } else { "-" }.to_owned(),
        // A name may contain anything, and must not look like another line.
        key.name.as_str().escape_debug().to_string(),
    ];
    columns.join("\t")
}

fn object(key: &ApiKeyRecord) -> Value {
    json!({
        "id": key.id,
        "user": key.user,
        "vcs": key.vcs,
        "name": key.name.as_str(),
        "capabilities": key.capabilities,
        "administration": key.administration,
        "created_by_key": key.lineage.parent,
        "created_at": key.created_at.rfc3339(),
        "expires_at": key.expires_at.map(|end| end.millis().rfc3339()),
        "last_used_at": key.last_used_at.map(|at| at.millis().rfc3339()),
    })
}

/// Deletes the key and its descendants, each with its audit entry. This can be repeated if it was interrupted.
async fn revoke(app: &App, id: KeyId) -> Result<()> {
    let user = match app.store.find_api_key(id).await? {
        Some(key) => {
            match app.store.delete_api_key(&key, &deletion(app, &key)?).await {
                // Somebody else has deleted it in between.
                Ok(()) | Err(DomainError::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
            Some(key.user)
        }
        // The descendants of a deleted key still name it.
        None => owner_of_descendants(app, id).await?,
    };
    let user = user.ok_or_else(|| Error::Setting(format!("there is no API key {id}")))?;
    Ok(app.store.delete_descendants(user, id, |key| deletion(app, key)).await?)
}

async fn owner_of_descendants(app: &App, of: KeyId) -> Result<Option<UserId>> {
    let mut after = None;
    loop {
        let (keys, next) = app.store.scan_api_keys(after).await?;
        if let Some(key) = keys.iter().find(|key| key.lineage.ancestors.contains(&of)) {
            return Ok(Some(key.user));
        }
        match next {
            Some(next) => after = Some(next),
            None => return Ok(None),
        }
    }
}

fn deletion(app: &App, key: &ApiKeyRecord) -> terrapi::domain::Result<NewAuditEntry> {
    let done = (AuditAction::KeyDeleted, AuditOutcome::Success);
    let entry = client().audited(app.clock.now(), done, key.user, Some(key.id));
    app.audit_record(AuditEntry { limited_to: Some(key.capabilities.installations().collect()), ..entry })
}

fn parse_user(text: &str) -> std::result::Result<UserId, String> {
    UserId::parse(text).ok_or_else(|| "a user's id is a UUID".to_owned())
}

fn parse_key(text: &str) -> std::result::Result<KeyId, String> {
    KeyId::parse(text).ok_or_else(|| "a key's id is a UUID".to_owned())
}
