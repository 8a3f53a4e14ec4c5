//! Starts the executor.

use std::process::ExitCode;

fn main() -> ExitCode {
    chassis::run::<executor::Executor>()
}
