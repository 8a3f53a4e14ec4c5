//! `fin doctor`: what would keep the suite from trading, and how to mend it.

mod account;
mod bus_check;
mod calendar;
mod clock;
mod disk;
mod finding;
mod limits;
mod probe;
mod site;
mod store;
mod vendors;

use std::io::Write;
use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;

use crate::exit::FaultsFound;
pub use finding::{Finding, Status};
use probe::{Answer, Probe};

/// Checks keys, clock, calendar, account, limits, disk, bus and store.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Simulated vendors (dev), the broker's paper account (paper) or real money (prod).
    #[arg(long, default_value = "dev", env = "FIN__PROFILE")]
    profile: String,
    /// Print `{"ok", "checks": [{"name", "status", "detail", "fix"}]}`.
    #[arg(long)]
    json: bool,
    /// Address of the bus; by default the configured one, or that of the `fin up` that runs here.
    #[arg(long, value_name = "URL")]
    bus: Option<String>,
    /// Monitoring address of the bus, which alone tells how it syncs, for example `http://127.0.0.1:8222`
    #[arg(long, value_name = "URL")]
    bus_monitor: Option<String>,
}

/// Every check ends by then.
const DEADLINE: Duration = Duration::from_secs(10);

/// Checks everything, prints what was found.
///
/// # Errors
/// [`FaultsFound`] when a check fails.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    chassis::tls::install_provider();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let findings = runtime.block_on(examine(arguments))?;
    // Whoever does not answer by now is not waited for.
    runtime.shutdown_background();
    let failed = findings.iter().filter(|finding| finding.status == Status::Fail).count();
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{:#}", json!({ "ok": failed == 0, "checks": findings }))?;
    } else {
        write!(out, "{}", finding::table(&findings))?;
    }
    if failed > 0 { Err(FaultsFound(failed).into()) } else { Ok(()) }
}

async fn examine(arguments: &Arguments) -> anyhow::Result<Vec<Finding>> {
    let (site, configuration) = site::read(&arguments.profile, arguments.bus.as_deref());
    let Some(site) = site else { return Ok(vec![configuration]) };
    let probe = Probe::new()?;
    let (finnhub, yahoo, alphavantage, data, account, broker_clock, calendar, disk, bus, store) = tokio::join!(
        within("finnhub", vendors::finnhub(&probe, &site)),
        within("yahoo", vendors::yahoo(&probe, &site)),
        within("alphavantage", vendors::alphavantage(&probe, &site)),
        within("alpaca_data", vendors::alpaca_data(&probe, &site)),
        within("account", account::check(&probe, &site)),
        timeout(DEADLINE, clock::broker(&probe, &site)),
        within("calendar", calendar::check(&site)),
        within("disk", disk::check(&site)),
        within("bus", bus_check::check(&probe, &site, arguments.bus_monitor.as_deref())),
        within("store", store::check(&site)),
    );
    let mut findings = vec![configuration];
    let mut answers: Vec<(&'static str, Answer)> = Vec::new();
    for checked in [finnhub, account, data, yahoo, alphavantage, calendar] {
        findings.extend(checked.findings);
        answers.extend(checked.answer);
    }
    findings.push(clock::judge(&answers, broker_clock.ok().flatten().as_ref()));
    findings.push(limits::judge(&answers));
    for checked in [disk, bus, store] {
        findings.extend(checked.findings);
    }
    let secrets = site.secrets();
    Ok(findings.into_iter().map(|finding| finding.without(&secrets)).collect())
}

/// What one check brings: its findings, and a vendor's answer, which also tells the time and the calls left.
#[derive(Debug, Default)]
struct Checked {
    findings: Vec<Finding>,
    answer: Option<(&'static str, Answer)>,
}

impl From<Finding> for Checked {
    fn from(finding: Finding) -> Self {
        Self { findings: vec![finding], answer: None }
    }
}

async fn within(name: &'static str, check: impl Future<Output = Checked>) -> Checked {
    timeout(DEADLINE, check).await.unwrap_or_else(|_| {
        let detail = format!("not done within {} s", DEADLINE.as_secs());
        Finding::fail(name, detail, "run it again; if it stays, look at what this check talks to").into()
    })
}
