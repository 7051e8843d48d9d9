//! The embedded engine as a process of its own, for the peers in Node and Python: this program, started a second time.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use dynoxide::actions::put_item::PutItemRequest;
use dynoxide::types::AttributeValue;
use ring::digest;
use terrapi_local::{Engine, Template};

use crate::Result;

/// The first argument that makes this program an engine.
pub const ARGUMENT: &str = "engine";
/// The installation that the key may use.
pub const INSTALLATION: &str = "12345";
/// The file that says how to reach the engine: variables for the script, as JSON.
const FILE: &str = "engine.json";

/// The command that starts an engine in a folder. `api_key` is `<id>.<secret>`.
pub fn command(folder: &Path, api_key: &str) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(ARGUMENT).arg(folder).arg(api_key);
    Ok(command)
}

/// The variables of a script that uses the engine in this folder. Fails until the engine has started.
pub fn environment(folder: &Path) -> Result<BTreeMap<String, String>> {
    Ok(serde_json::from_slice(&fs::read(folder.join(FILE))?)?)
}

/// Runs an engine with the project's tables and one API key, until the process is killed.
pub fn run(folder: &Path, api_key: &str) -> Result<()> {
    let template = Template::project()?;
    let engine = Engine::at(folder)?;
    engine.embedded().create_tables(template)?;
    let table = |role| template.table(role).map(|table| table.name.clone()).ok_or("no such table");
    let (id, secret) = api_key.split_once('.').ok_or("the key is not <id>.<secret>")?;
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let hash = digest::digest(&digest::SHA256, secret.as_bytes());
    let row = [
        ("pk", text(&format!("key#{id}"))),
        ("sk", text("key")),
        ("secret_hash", AttributeValue::B(hash.as_ref().to_vec())),
        ("capabilities", text("kv_store_read kv_store_write")),
        ("installation", text(INSTALLATION)),
    ];
    engine.database().put_item(PutItemRequest {
        table_name: table("identity")?,
        item: row.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        ..PutItemRequest::default()
    })?;
    let environment = BTreeMap::from([
        ("ENDPOINT", engine.endpoint()),
        ("IDENTITY_TABLE", table("identity")?),
        ("KV_TABLE", table("kv")?),
    ]);
    fs::write(folder.join("engine.new"), serde_json::to_vec(&environment)?)?;
    fs::rename(folder.join("engine.new"), folder.join(FILE))?;
    loop {
        std::thread::park();
    }
}
