//! What a process has: its configuration, its clock, its randomness, and the [`App`] that holds its clients.

mod app;
mod background;
mod bounded_cache;
mod clock;
mod config;
mod limits;
mod origins;
mod providers;
mod random;
mod secrets;
mod settings;
mod signing;
mod start;
mod telemetry;

pub use app::{App, KeyRefreshState, Settings};
pub use background::Background;
pub use clock::{Clock, ManualClock, SystemClock};
pub use config::Config;
pub use limits::{RateLimitDecision, RateLimiter, RateLimits};
pub use origins::ListedOrigins;
pub use providers::{load_providers, load_providers_with};
pub use random::Random;
pub use secrets::{Secrets, Version};
pub use signing::Signing;
pub use start::start;
pub use telemetry::{LogTime, init as start_logging};
