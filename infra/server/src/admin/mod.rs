//! `terrapi admin`: commands for the data folder. All but `restore` and `import` work while the folder is served, because
//! the database lets several processes use it.

mod backup;
mod check;
mod copy;
mod create_administrator;
mod keys;
mod opened;
mod restore;
mod rotate_signing_key;

use std::path::{PathBuf, absolute};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use terrapi::http::ClientInfo;
use terrapi_local::folder::DataFolder;

use crate::error::Result;
use backup::Backup;
use create_administrator::CreateAdministrator;
use keys::Keys;
use restore::{Import, Restore};

#[derive(Debug, Args)]
pub struct AdminOptions {
    /// The folder of all data
    #[arg(long, env = "TERRAPI_DATA_DIR", default_value = "terrapi-data", value_name = "FOLDER", global = true)]
    data: PathBuf,
    #[command(subcommand)]
    command: AdminCommand,
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// Create an administrator with an API key, and print the key: the first step on a new folder
    CreateAdministrator(CreateAdministrator),
    /// List or revoke API keys
    #[command(subcommand)]
    Keys(Keys),
    /// Replace the key that signs access tokens; the new key signs after a head start, and the old one stays valid for a
    /// while
    RotateSigningKey,
    /// Copy all data into a new folder
    Backup(Backup),
    /// Fill a new data folder from a backup, and check it
    Restore(Restore),
    /// Fill a new data folder from another data folder that is not served, and check it
    Import(Import),
    /// Check everything that is stored; exits with 1 if there are problems
    Check,
}

/// Runs a command. The exit code is 1 if `check` found problems.
///
/// # Errors
/// The command failed. The message says what to do.
pub async fn run(options: AdminOptions) -> Result<ExitCode> {
    let folder = DataFolder::new(absolute(options.data)?);
    match options.command {
        AdminCommand::CreateAdministrator(options) => create_administrator::run(&folder, options).await?,
        AdminCommand::Keys(command) => keys::run(&folder, command).await?,
        AdminCommand::RotateSigningKey => rotate_signing_key::run(&folder).await?,
        AdminCommand::Backup(options) => backup::run(&folder, options).await?,
        AdminCommand::Restore(options) => return restore::restore(&folder, options).await,
        AdminCommand::Import(options) => return restore::import(&folder, options).await,
        AdminCommand::Check => return check::run(&folder).await,
    }
    Ok(ExitCode::SUCCESS)
}

/// How these commands appear in the audit trail.
fn client() -> ClientInfo {
    ClientInfo { source_ip: None, user_agent: Some(format!("terrapi admin/{}", env!("CARGO_PKG_VERSION"))) }
}
