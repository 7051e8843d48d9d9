//! Logs: one JSON object a line on AWS, text locally.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Directive;

use super::config::Config;

/// Starts logging. The SDK logs bodies at `trace` and some headers at `debug`, so whatever is asked for, its crates and
/// those below it stay at `info`.
pub fn init(config: &Config) {
    const QUIET: &[&str] = &[
        "aws_config",
        "aws_runtime",
        "aws_sdk_dynamodb",
        "aws_sdk_secretsmanager",
        "aws_smithy_runtime",
        "aws_smithy_runtime_api",
        "aws_smithy_http_client",
        "aws_smithy_types",
        "hyper",
        "hyper_util",
        "reqwest",
        "object_store",
        "lambda_runtime",
        "lambda_http",
        "rustls",
    ];
    let asked =
        EnvFilter::builder().with_default_directive(tracing::Level::INFO.into()).parse_lossy(&config.log_filter);
    let quiet = QUIET.iter().filter_map(|target| format!("{target}=info").parse::<Directive>().ok());
    let filter = quiet.fold(asked, EnvFilter::add_directive);
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_target(false).without_time();
    if config.on_aws {
        subscriber.json().flatten_event(true).with_current_span(true).with_span_list(false).init();
    } else {
        subscriber.with_ansi(false).init();
    }
}
