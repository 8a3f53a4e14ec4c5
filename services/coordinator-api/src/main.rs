//! Starts the process.

fn main() -> std::process::ExitCode {
    chassis::run::<coordinator_api::CoordinatorApi>()
}
