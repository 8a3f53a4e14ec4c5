//! Everything that would keep a service or the watchdog from starting.

use chassis::{Fault, Loaded, Problem, Sources};
use coordinator_api::alerts::Alerts;

use crate::suite::with_services;
use crate::watchdog;

/// What is wrong, each problem once, and which files were read.
pub(crate) fn check(sources: Sources) -> (Vec<Problem>, Vec<String>) {
    let strategy_file = sources.strategy_file().ok();
    let (loaded, mut problems) = sources.inspect();
    let strategy_file = loaded.as_ref().map(|loaded| loaded.strategy_file.clone()).or(strategy_file);
    if let Some(file) = &strategy_file {
        problems.extend(match &loaded {
            Some(loaded) => coordinator_api::strategy::check(file, &loaded.strategy_folder).1,
            None => file.inspect().1,
        });
    }
    let mut files = Vec::new();
    if let Some(loaded) = &loaded {
        problems.extend(loaded.inspect_bus());
        let each_alone = of_services(loaded);
        if each_alone.is_empty() {
            problems.extend(between_services(loaded));
        }
        problems.extend(each_alone);
        problems.extend(loaded.table::<Alerts>(Alerts::SECTION).1);
        problems.extend(watchdog::inspect(loaded).1);
        files.extend(loaded.files().map(str::to_owned));
    }
    files.extend(strategy_file.map(|file| file.name().to_owned()));
    (once(problems), files)
}

fn of_services(loaded: &Loaded) -> Vec<Problem> {
    macro_rules! inspect {
        ($($service:ty),+ $(,)?) => { [$(loaded.inspect::<$service>().1),+].concat() };
    }
    with_services!(inspect)
}

/// What each would take alone and both together not: a scanner with fewer partitions than the gateway loses symbols.
fn between_services(loaded: &Loaded) -> Option<Problem> {
    let gateway = loaded.inspect::<ingest_gateway::IngestGateway>().0?.partitions;
    let scanner = loaded.inspect::<gap_scanner::GapScanner>().0?.partitions;
    let problem = format!("is {scanner}, must be {gateway} as gateway.partitions is");
    (gateway != scanner).then(|| loaded.locate(Fault::new("scanner.partitions", problem)))
}

/// Services may need the same key.
fn once(problems: Vec<Problem>) -> Vec<Problem> {
    problems.into_iter().fold(Vec::new(), |mut kept, problem| {
        if !kept.contains(&problem) {
            kept.push(problem);
        }
        kept
    })
}
