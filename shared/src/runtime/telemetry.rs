//! Logging: one JSON object per line in production, text for a developer.

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use super::config::Config;

/// Who writes the time of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogTime {
    /// What collects the log, as Lambda does.
    Collector,
    /// This process.
    Process,
}

/// Starts logging. The SDK logs bodies at `trace` and some headers at `debug`, so its crates and those that it uses are
/// never logged below `info`.
pub fn init(config: &Config, time: LogTime) {
    const QUIET: &[&str] = &[
        "aws_config",
        "aws_runtime",
        "aws_sdk_dynamodb",
        "aws_sdk_secretsmanager",
        "aws_smithy_http_client",
        "aws_smithy_runtime",
        "aws_smithy_runtime_api",
        "aws_smithy_types",
        "hyper",
        "hyper_util",
        "reqwest",
        "object_store",
        "lambda_runtime",
        "rustls",
    ];
    // Not an `EnvFilter`: its regular expressions take two percent of a binary and are compiled at every start.
    let requested = config.log_filter.parse().unwrap_or_else(|_| Targets::new().with_default(Level::INFO));
    let filter = QUIET.iter().fold(requested, |filter, target| filter.with_target(*target, Level::INFO));
    let layer = fmt::layer().with_target(false);
    let layer = match (config.production, time) {
        (true, LogTime::Process) => {
            layer.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed()
        }
        (true, LogTime::Collector) => {
            let layer = layer.without_time().json().flatten_event(true);
            layer.with_current_span(true).with_span_list(false).boxed()
        }
        (false, _) => layer.without_time().with_ansi(false).boxed(),
    };
    tracing_subscriber::registry().with(layer.with_filter(filter)).init();
}
