//! The whole service in one process, for a machine of one's own: `terrapi serve`, and `terrapi admin` for its data.
//!
//! * `options` is the command line
//! * `admin` are the commands for the data folder
//! * `serve` starts everything and stops it again
//! * `configuration` turns the command line, the environment and the data folder into the functions' configuration
//! * `functions` are the routers of all functions, each for its paths in `template.yaml`
//! * `front` turns a request of the network into one as the functions expect it; `admission` bounds memory
//! * `worker` and `rotation` do what streams, schedules and Secrets Manager start on AWS
//! * `metrics` and `health` are for monitoring

mod admin;
mod admission;
mod configuration;
mod error;
mod front;
pub mod functions;
mod health;
mod metrics;
mod options;
mod rotation;
mod serve;
mod tls;
mod worker;

use std::process::ExitCode;

use clap::Parser as _;

pub use error::{Error, Result};
use options::{Cli, Command};

/// Runs the program with the arguments of this process.
pub fn run() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve(options) => in_runtime(async { serve::serve(options).await.map(|()| ExitCode::SUCCESS) }),
        Command::Admin(options) => in_runtime(admin::run(options)),
        Command::Version => {
            println!("terrapi {}", env!("CARGO_PKG_VERSION"));
            Ok(ExitCode::SUCCESS)
        }
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("terrapi: {error}");
            ExitCode::FAILURE
        }
    }
}

fn in_runtime<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(work)
}
