//! How every process begins.

use super::config::Config;
use super::telemetry::{self, LogTime};
use crate::domain::Result;

/// The first steps of every process: reads the environment, starts logging, and logs the settings that are invalid.
///
/// # Errors
/// The environment lacks a variable that Lambda always sets.
pub async fn start() -> Result<Config> {
    let (config, problems) = Config::from_env().await?;
    telemetry::init(&config, LogTime::Collector);
    for problem in problems {
        tracing::error!("{problem}");
    }
    Ok(config)
}
