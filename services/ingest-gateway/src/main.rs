//! Starts the gateway.

fn main() -> std::process::ExitCode {
    chassis::run::<ingest_gateway::IngestGateway>()
}
