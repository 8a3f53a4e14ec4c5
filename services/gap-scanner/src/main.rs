//! Starts the gap scanner.

fn main() -> std::process::ExitCode {
    chassis::run::<gap_scanner::GapScanner>()
}
