//! Creates the state of a process: configuration, clock, randomness, and the [`App`] that routers share.

mod app;
mod background;
mod bounded_cache;
mod clock;
mod config;
mod incoming;
mod limits;
mod memberships;
mod providers;
mod random;
mod run;
mod sealed;
mod secrets;
mod settings;
mod signing;
mod telemetry;
mod vcs_token;

pub use app::{App, KeyRefreshState, Settings};
pub use background::Background;
pub use clock::{Clock, ManualClock, SystemClock};
pub use config::Config;
pub use incoming::Incoming;
pub use limits::{RateLimitDecision, RateLimiter, RateLimits};
pub use providers::{load_providers, load_providers_with};
pub use random::Random;
pub use run::{Answer, invoke, run, serve, start};
pub use secrets::{Secrets, Version};
pub use signing::Signing;
