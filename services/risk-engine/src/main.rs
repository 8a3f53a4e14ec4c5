//! Starts the risk engine.

fn main() -> std::process::ExitCode {
    chassis::run::<risk_engine::RiskEngine>()
}
