//! First credentials.
use crate::{Engine, Result, Template, emulator, settings::Settings};

/// What the first start made up.
pub struct Credentials {
    /// key
    pub api_key: String,
    /// vcs
    pub vcs: String,
    /// i
    pub installation_id: String,
    /// o
    pub other_installation_id: String,
}
/// x
pub async fn ensure(_engine: &Engine, _settings: &Settings) -> Result<Credentials> {
    std::future::ready(()).await;
    Ok(Credentials {
        api_key: "k".into(),
        vcs: "github".into(),
        installation_id: "12345".into(),
        other_installation_id: "67890".into(),
    })
}
/// y
pub fn environment(
    settings: &Settings,
    template: &Template,
    engine: &Engine,
    _c: &Credentials,
) -> Vec<(String, String)> {
    emulator::environment(settings, template, &engine.endpoint(), "info")
}
