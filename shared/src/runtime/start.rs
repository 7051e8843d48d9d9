//! How every process begins.

use super::config::Config;
use super::telemetry;
use crate::domain::Result;

/// What every process does first: reads its environment, begins to log, and logs which settings cannot be used.
///
/// # Errors
/// The environment lacks something that every Lambda function has.
pub fn start() -> Result<Config> {
    let (config, problems) = Config::from_env()?;
    telemetry::init(&config);
    for problem in problems {
        tracing::error!("{problem}");
    }
    Ok(config)
}
