//! Puts the parts together, once per process: configuration, clock, randomness, the state that routers share.

mod app;
mod background;
mod clock;
mod config;
mod random;
mod run;
mod secrets;
mod telemetry;

pub use app::{App, KeyLook, Settings};
pub use background::Background;
pub use clock::{Clock, ManualClock, SystemClock};
pub use config::Config;
pub use random::Random;
pub use run::{Answer, Incoming, invoke, run};
pub use secrets::{load_providers, load_signer};
pub use telemetry::init as init_telemetry;
