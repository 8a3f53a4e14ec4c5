//! Starts the process.

fn main() -> std::process::ExitCode {
    chassis::run::<recorder::Recording>()
}
