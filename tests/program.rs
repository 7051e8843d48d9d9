//! The program `terrapi`, as the tests start it.

use std::process::ExitCode;

fn main() -> ExitCode {
    terrapi_server::run()
}
