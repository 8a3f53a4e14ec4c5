//! The seven services, listed once.

/// Calls the macro `$visit` with the type of every service, in the order in which they are started.
macro_rules! with_services {
    ($visit:ident) => {
        $visit!(
            recorder::Recording,
            coordinator_api::CoordinatorApi,
            executor::Executor,
            risk_engine::RiskEngine,
            planner::Planner,
            gap_scanner::GapScanner,
            ingest_gateway::IngestGateway,
        )
    };
}

pub(crate) use with_services;
