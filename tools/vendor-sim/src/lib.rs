//! Finnhub, Yahoo, Alpha Vantage and Alpaca on one port, for a market that plays by itself.
//!
//! Plays made sessions (everything from a seed) or recorded ones (files, read only) at any speed, and matches
//! orders against its own prints. Knows nothing of the suite that uses it: what they share is the vendors' wire
//! formats. `README.md` states the control calls and the matching rules in words.

mod alpaca_feed;
mod broker;
mod calendar;
mod clock;
mod decimal;
mod faults;
mod feed;
mod firehose;
mod http;
mod journal;
mod market;
mod options;
mod queue;
mod rng;
mod session;
mod sim;
mod ws;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use chrono::NaiveDate;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, oneshot};
use tokio::task::JoinHandle;

pub use options::Options;

use firehose::{Firehose, Plan};
use market::Market;
use session::World;
use session::made::{self, Made};
use session::recorded::Recorded;
use sim::Sim;

/// `trade_updates` messages that a slow listener may be behind before its stream is cut.
const UPDATES: usize = 16_384;

/// A simulator at work.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    /// The bases of the vendors' addresses, as the program prints them.
    pub fn addresses(&self) -> serde_json::Value {
        let base = format!("http://{}", self.addr);
        serde_json::json!({
            "listen": self.addr.to_string(),
            "finnhub": format!("{base}/finnhub"),
            "yahoo": format!("{base}/yahoo"),
            "alphavantage": format!("{base}/alphavantage"),
            "alpaca": format!("{base}/alpaca"),
            "sim": format!("{base}/sim/v1"),
        })
    }

    /// Stops serving and waits for it; connections still open are cut.
    ///
    /// # Errors
    /// What ended the market before, for example a state file that could not be written.
    pub async fn shutdown(self) -> anyhow::Result<()> {
        let _ = self.stop.send(());
        self.serving.await.context("vendor-sim task")?
    }

    /// Waits until the market ends by itself, which only a failure makes it do.
    ///
    /// # Errors
    /// That failure.
    pub async fn failed(&mut self) -> anyhow::Result<()> {
        (&mut self.serving).await.context("vendor-sim task")?
    }
}

/// Makes or reads the sessions, resumes the state file and listens.
///
/// # Errors
/// Options out of range, a folder or state file that cannot be read, an address in use.
pub async fn start(options: Options) -> anyhow::Result<Running> {
    options.validate()?;
    let listener =
        TcpListener::bind(options.listen).await.with_context(|| format!("cannot listen on {}", options.listen))?;
    let addr = listener.local_addr()?;
    let (updates, _) = broadcast::channel(UPDATES);
    let sim = Arc::new(tokio::task::spawn_blocking(move || build(&options, updates)).await??);
    let (stop, stopped) = oneshot::channel();
    let serving = tokio::spawn(serve(listener, sim, stopped));
    Ok(Running { addr, stop, serving })
}

fn build(options: &Options, updates: broadcast::Sender<Arc<str>>) -> anyhow::Result<Sim> {
    let faults = match &options.scenario {
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            faults::read(&text).map_err(|refusal| anyhow::anyhow!("{} {refusal}", path.display()))?
        }
        None => Vec::new(),
    };
    let (world, first) = match &options.data {
        Some(folder) => {
            let recorded = Recorded::open(folder, &options.factors, options.seed)?;
            let date = options.date.or_else(|| recorded.dates().first().copied());
            let date = date.filter(|d| recorded.dates().contains(d));
            let known = || format!("no recorded session on that date; there are {:?}", recorded.dates());
            let date = date.with_context(known)?;
            (World::Recorded(recorded), date)
        }
        None => (World::Made(Made::new(options.seed, options.symbols)), made_date(options.date)?),
    };
    let mut options = options.clone();
    options.no_wait |= options.firehose;
    let market = Market::open(Arc::new(world), first, &options, updates.clone())?;
    let sim = Sim::new(market, options.seed, updates, Firehose::new());
    let named = || options.scenario.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    faults.into_iter().try_for_each(|fault| sim.ask_for(fault)).with_context(named)?;
    if options.firehose {
        sim.market()?.clock.paused = true;
        sim.start_firehose(Plan::endless())?;
    }
    Ok(sim)
}

/// The asked date, or the present session's, or the next one's.
fn made_date(asked: Option<NaiveDate>) -> anyhow::Result<NaiveDate> {
    if let Some(date) = asked {
        anyhow::ensure!(made::is_covered(date), "--date {date} is not a trading day from 2026 to 2030");
        return Ok(date);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("wall clock out of range")?;
    let today = calendar::date_of(i64::try_from(now.as_nanos()).context("wall clock out of range")?);
    if made::is_covered(today) {
        return Ok(today);
    }
    Some(calendar::next_session(today)).filter(|d| made::is_covered(*d)).context("made sessions end with 2030")
}

async fn serve(listener: TcpListener, sim: Arc<Sim>, stopped: oneshot::Receiver<()>) -> anyhow::Result<()> {
    let server = axum::serve(listener, http::router(Arc::clone(&sim)));
    tokio::select! {
        served = async { server.await } => Ok(served?),
        moved = sim.run() => moved,
        _ = stopped => Ok(()),
    }
}
