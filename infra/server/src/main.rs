//! The program `terrapi`.

use std::process::ExitCode;

fn main() -> ExitCode {
    terrapi_server::run()
}
