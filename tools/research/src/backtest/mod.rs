//! `fin backtest`: the rules over recorded sessions, with simulated fills.

mod broker;
mod chart;
mod desk;
mod engine;
mod fills;
mod history;
mod outcome;
mod output;
mod report;
mod rows;
mod summary;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, ensure};
use domain::market::ConditionScheme;
use domain::strategy::Strategy;
use domain::{SessionDate, Usd};
use figment::Figment;
use figment::providers::{Format, Yaml};
pub use fills::{Costs, Distance, FillModel};

use self::broker::Broker;
use self::engine::Engine;
use self::output::Output;
use self::summary::{Input, Summary};
use crate::files::{DataSet, Layout, Options};
use crate::progress::Progress;

/// The command line of `fin backtest`.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Folder of recorded sessions.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// The strategy file.
    #[arg(long, value_name = "FILE", default_value = "config/strategy.yaml")]
    pub strategy: PathBuf,
    /// First session, 2026-11-24.
    #[arg(long, value_name = "DATE")]
    pub from: SessionDate,
    /// Last session.
    #[arg(long, value_name = "DATE")]
    pub to: SessionDate,
    /// Folder for decisions, tables and the report.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print everything as one JSON document.
    #[arg(long)]
    pub json: bool,
    /// Stop at the first row that makes no sense, instead of counting and naming them.
    #[arg(long)]
    pub strict: bool,
    /// Equity at the start, USD.
    #[arg(long, value_name = "USD", default_value = "100000")]
    pub equity: Usd,
    /// What may be bought, in multiples of equity.
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub leverage: i64,
    /// Between bid and ask, around each print: ticks:N or bps:N.
    #[arg(long, value_name = "MODEL", default_value = "ticks:2")]
    pub spread: Distance,
    /// On top of half the spread: ticks:N, bps:N or spread:F.
    #[arg(long, value_name = "MODEL", default_value = "ticks:0")]
    pub slippage: Distance,
    /// Part of a print's shares that our orders may have, per cent.
    #[arg(long, value_name = "PERCENT", default_value_t = 10)]
    pub participation: u64,
    /// From sending an order until it works, milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 100)]
    pub latency_ms: u32,
    /// Commission, USD per share.
    #[arg(long, value_name = "USD", default_value = "0")]
    pub commission: Usd,
    /// SEC fee, USD per million dollars sold.
    #[arg(long, value_name = "USD", default_value = "20.60")]
    pub sec_fee: Usd,
    /// FINRA's trading activity fee, USD per share sold.
    #[arg(long, value_name = "USD", default_value = "0.000195")]
    pub taf: Usd,
    /// Most trading activity fee of a fill, USD.
    #[arg(long, value_name = "USD", default_value = "9.79")]
    pub taf_max: Usd,
    /// Which layouts to look for in the folder.
    #[arg(long, value_enum, default_value_t)]
    pub layout: Layout,
    /// How the documented trades write their conditions: finnhub, cta or utp.
    #[arg(long, value_name = "SCHEME", default_value = "finnhub", value_parser = scheme)]
    pub conditions: ConditionScheme,
    /// Seed of trades made from minute bars.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Split factor of a daily-yahoo file, SYMBOL=F; found out where not given.
    #[arg(long, value_name = "SYMBOL=F", value_parser = factor)]
    pub factor: Vec<(String, f64)>,
    /// Rows read at a time; changes memory, not results.
    #[arg(long, value_name = "ROWS", default_value_t = 8_192)]
    pub batch_rows: usize,
}

/// Runs the backtest.
///
/// # Errors
/// A strategy or file that cannot be read, with its name and line; an order book that does not settle.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    ensure!(arguments.from <= arguments.to, "--from {} is after --to {}", arguments.from, arguments.to);
    ensure!(
        (1..=100).contains(&arguments.participation),
        "--participation is {}, must be 1 to 100",
        arguments.participation
    );
    ensure!(arguments.equity > Usd::ZERO, "--equity is {}, must be positive", arguments.equity);
    ensure!((1..=100).contains(&arguments.leverage), "--leverage is {}, must be 1 to 100", arguments.leverage);
    ensure!(!matches!(arguments.spread, Distance::OfSpread(_)), "--spread is ticks:N or bps:N");
    ensure!((1..=1 << 20).contains(&arguments.batch_rows), "--batch-rows must be 1 to 1048576");
    let strategy = Arc::new(read_strategy(&arguments.strategy)?);
    let mut data = DataSet::open(&arguments.data, options(arguments))?;
    let mut summary = Summary {
        strategy: strategy.name.clone(),
        strategy_version: strategy.version(),
        from: arguments.from,
        to: arguments.to,
        settings: settings(arguments),
        input: Input::default(),
        decisions_sha256: String::new(),
    };
    let sessions = data.sessions(arguments.to)?;
    let first = sessions.partition_point(|date| *date < arguments.from);
    let warm_up = if data.daily().is_empty() { WARM_UP_WITHOUT_BARS } else { WARM_UP };
    let sessions = &sessions[first.saturating_sub(warm_up)..];
    let mut output = Output::open(arguments.out.as_deref(), arguments.json, &summary.head())?;
    let (model, costs) = (fill_model(arguments), costs(arguments));
    let broker = Broker::new(model, costs, arguments.equity, arguments.leverage);
    let mut engine = Engine::new(Arc::clone(&strategy), broker, costs, &data);
    let mut progress = Progress::default();
    for (done, date) in sessions.iter().enumerate() {
        let trading = *date >= arguments.from;
        let before = summary.input.prints;
        let report = |prints| progress.at(date, done, sessions.len(), before + prints);
        let prints = engine.play(*date, trading, &mut data, &mut output, report)?;
        summary.input.prints += prints;
        summary.input.warm_up_sessions += usize::from(!trading && prints > 0);
    }
    progress.clear();
    summary.input.made_trades = data.has_made_trades();
    summary.input.refused_rows = data.refusals().count();
    summary.input.refused = data.refusals().first().collect();
    summary.input.alerts = engine.alerts();
    for refused in &summary.input.refused {
        warn(refused);
    }
    if summary.input.refused_rows > 0 {
        warn(&format!("{} rows refused in all", summary.input.refused_rows));
    }
    if summary.input.made_trades {
        warn("trades were made from minute bars: a seeded path through open, high, low and close");
    }
    let statistics = engine.outcome.statistics();
    if statistics.returns.sessions == 0 {
        warn(&format!("no session from {} to {} has trades", arguments.from, arguments.to));
    }
    output.finish(&engine.outcome, &statistics, &mut summary)?;
    if !arguments.json {
        print(&summary.lines(&statistics))?;
    }
    Ok(())
}

/// Sessions before the first that are read for their opening volumes.
const WARM_UP: usize = 20;
/// The same where daily bars have to come from the trades too: enough for the seed of an average range to fade.
const WARM_UP_WITHOUT_BARS: usize = 100;

/// Reads and checks a strategy file.
///
/// # Errors
/// Names the file and key.
pub fn read_strategy(path: &Path) -> anyhow::Result<Strategy> {
    let name = || path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(name)?;
    let strategy: Strategy = Figment::from(Yaml::string(&text)).extract().with_context(name)?;
    strategy.validate().with_context(name)?;
    Ok(strategy)
}

fn options(arguments: &Arguments) -> Options {
    Options {
        layout: arguments.layout,
        conditions: arguments.conditions,
        seed: arguments.seed,
        strict: arguments.strict,
        batch_rows: arguments.batch_rows,
        factors: arguments.factor.iter().cloned().collect::<BTreeMap<_, _>>(),
    }
}

fn fill_model(arguments: &Arguments) -> FillModel {
    FillModel {
        spread: arguments.spread,
        slippage: arguments.slippage,
        participation_pct: arguments.participation,
        latency: i64::from(arguments.latency_ms) * 1_000_000,
    }
}

fn costs(arguments: &Arguments) -> Costs {
    Costs {
        commission_per_share: arguments.commission,
        sec_fee_per_million: arguments.sec_fee,
        taf_per_share: arguments.taf,
        taf_max: arguments.taf_max,
    }
}

fn settings(arguments: &Arguments) -> serde_json::Value {
    serde_json::json!({
        "equity": arguments.equity,
        "leverage": arguments.leverage,
        "spread": arguments.spread.to_string(),
        "slippage": arguments.slippage.to_string(),
        "participation_pct": arguments.participation,
        "latency_ms": arguments.latency_ms,
        "commission_per_share": arguments.commission,
        "sec_fee_per_million": arguments.sec_fee,
        "taf_per_share": arguments.taf,
        "taf_max": arguments.taf_max,
        "seed": arguments.seed,
    })
}

fn scheme(text: &str) -> Result<ConditionScheme, String> {
    match text {
        "finnhub" => Ok(ConditionScheme::Finnhub),
        "cta" => Ok(ConditionScheme::Cta),
        "utp" => Ok(ConditionScheme::Utp),
        other => Err(format!("`{other}` is not finnhub, cta or utp")),
    }
}

fn factor(text: &str) -> Result<(String, f64), String> {
    let parsed = text.split_once('=').and_then(|(symbol, f)| Some((symbol.to_owned(), f.parse::<f64>().ok()?)));
    parsed.filter(|(_, f)| f.is_finite() && *f > 0.0).ok_or_else(|| format!("`{text}` is not SYMBOL=F with F above 0"))
}

fn print(text: &str) -> anyhow::Result<()> {
    use std::io::Write;
    Ok(writeln!(std::io::stdout(), "{text}")?)
}

fn warn(text: &str) {
    use std::io::Write;
    // A stderr that is closed is no reason to stop.
    let _ = writeln!(std::io::stderr(), "fin backtest: {text}");
}
