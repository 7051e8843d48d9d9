//! The configuration of the functions: from the command line, the environment and the data folder.
#![expect(clippy::disallowed_methods, reason = "the one place where the program reads its environment")]

use std::collections::BTreeMap;

use terrapi::runtime::Config;
use terrapi_local::folder::DataFolder;
use terrapi_local::in_process::{ENDPOINT, aws};
use terrapi_local::{EmbeddedEngine, Template};

use crate::error::{Error, Result};

/// The configuration of functions whose tables are in `engine`. With `dev`, new API keys are test keys, and logs are for
/// people.
///
/// # Errors
/// [`Error::Setting`] with the first invalid setting.
pub fn read(
    public_url: Option<&str>,
    dev: bool,
    folder: &DataFolder,
    engine: &EmbeddedEngine,
    template: &Template,
) -> Result<Config> {
    let mut fixed: BTreeMap<String, String> = folder.variables(template).into_iter().collect();
    fixed.insert("AWS_ENDPOINT_URL_DYNAMODB".into(), ENDPOINT.into());
    if let Some(url) = public_url {
        fixed.insert("PUBLIC_BASE_URL".into(), url.to_owned());
    }
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    // The limits that a stack on AWS has by default. A developer's own programs are not limited.
    let default = |name: &str| template.variables.get(name).filter(|_| !dev).cloned();
    let find = |name: &str| fixed.get(name).cloned().or_else(|| variable(name)).or_else(|| default(name));
    let (config, problems) = Config::read(aws(engine), find);
    match problems.into_iter().next() {
        None => Ok(Config { production: !dev, ..config }),
        // A function on AWS starts nevertheless, because nobody is there to see it fail.
        Some(problem) => Err(Error::Setting(problem)),
    }
}
