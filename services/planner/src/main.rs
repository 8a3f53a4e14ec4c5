//! Starts the planner.

fn main() -> std::process::ExitCode {
    chassis::run::<planner::Planner>()
}
