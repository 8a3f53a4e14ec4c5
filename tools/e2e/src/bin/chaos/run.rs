//! One run: a suite, its market at ten times the live rate, some sessions one after the other, and what they came to.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use domain::{SessionDate, UnixNanos, calendar};
use e2e::session::{STOPS, Session};
use e2e::suite::Setup;
use e2e::{Suite, http, say};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::company::{Break, Tormentor};
use crate::facts::Facts;
use crate::fault::Strike;
use crate::record::Record;
use crate::report::Row;
use crate::site::{Programs, Site};
use crate::tape::Tape;

/// The first session; those after it are full days for seven weeks.
const FIRST: &str = "2026-09-08";
/// Sessions that one run may have.
pub(crate) const SESSIONS_MAX: usize = 30;
const SYMBOLS: &str = "100";
/// Wall seconds for a night, and for a morning up to 09:34.
const WARMUP_SECONDS: &str = "2";
/// The watch scan at 13:00 Berlin time has its standstills too.
const WATCH_STOPS: &str = "06:59:30,07:00:01";
/// A session whose end is not reached within this time hangs.
const SESSION_WITHIN: Duration = Duration::from_secs(600);

/// What to play.
pub(crate) struct Run<'a> {
    pub(crate) name: &'a str,
    pub(crate) seed: u64,
    pub(crate) nodes: u16,
    /// Trades a second while the market runs, wall time.
    pub(crate) rate: f64,
    pub(crate) programs: &'a Programs,
    /// What goes wrong in each session; as many sessions as there are.
    pub(crate) sessions: Vec<VecDeque<Strike>>,
    pub(crate) breaks: Vec<Break>,
}

/// What it came to.
pub(crate) struct Played {
    pub(crate) facts: Facts,
    pub(crate) trades: Row,
    /// The last session.
    pub(crate) last: SessionDate,
}

impl Run<'_> {
    /// Plays it; what was done to the suite is told also when it fails.
    pub(crate) async fn play(mut self, record: &mut Record) -> anyhow::Result<Played> {
        let first: SessionDate = FIRST.parse()?;
        let stops = format!("{WATCH_STOPS},{STOPS}");
        let seed = self.seed.to_string();
        let sim = ["--seed", &seed, "--date", FIRST, "--symbols", SYMBOLS, "--warmup-seconds", WARMUP_SECONDS];
        let sim: Vec<&str> = sim.into_iter().chain(["--pause-at", &stops]).collect();
        // No hole is too short to be recorded; a remainder is not cancelled because somebody was dead for a while.
        let settings = [
            ("FIN__EXECUTOR__PARTIAL_FILL_WAIT_S", "7200"),
            ("FIN__GATEWAY__WATERMARK__GAP_MS_MIN", "1"),
            ("FIN__GATEWAY__NEWS__INTERVAL_MS", "5"),
        ];
        let setup = Setup { programs: self.programs.current.clone(), nodes: self.nodes, ..Setup::new(&sim, &settings) };
        let begun = Instant::now();
        let (mut suite, site) = Site::build(setup, self.programs.clone(), first).await?;
        let mut tormentor = Tormentor::new(site, std::mem::take(&mut self.breaks));
        let played = self.sessions(&mut suite, &mut tormentor, first).await;
        record.absorb(std::mem::take(&mut tormentor.record));
        match &played {
            Ok(_) => say(&format!("{}: {:.0} s", self.name, begun.elapsed().as_secs_f64()))?,
            Err(_) => keep_logs(suite.folder(), Path::new("target/chaos").join(self.name).as_path())?,
        }
        played
    }

    async fn sessions(
        &mut self,
        suite: &mut Suite,
        tormentor: &mut Tormentor,
        first: SessionDate,
    ) -> anyhow::Result<Played> {
        let mut date = first;
        let mut dates = Vec::new();
        let mut session = Session::watch(suite, date).await?;
        for strikes in std::mem::take(&mut self.sessions) {
            if !dates.is_empty() {
                date = calendar::next_session(date).date;
                session = session.next(suite, date).await?;
                suite.sim_post("/clock", &json!({"pause_at": stops_of(date)?, "paused": false})).await?;
            }
            let market = suite.sim("/session").await?;
            let prints = market["trades"].as_f64().context("trades")?;
            let today = calendar::session_at(date.at_hm(12, 0));
            let speed = self.rate * today.close.since(today.open) as f64 / 1e9 / prints;
            suite.sim_post("/clock", &json!({"speed": speed})).await?;
            tormentor.strikes = strikes;
            let pace = Pace::measure(suite.sim_url("/clock"));
            session.play(suite, SESSION_WITHIN, tormentor).await.with_context(|| format!("session {date}"))?;
            say(&format!("{}: {date} is over, {prints} trades at {:.0} a second", self.name, pace.stop()))?;
            dates.push(date);
        }
        let context = &tormentor.site.jetstream;
        let clock = suite.sim("/clock").await?;
        let now: UnixNanos = clock["now"].as_str().context("clock")?.parse()?;
        let trades = Tape::read(context).await?.against(suite, &dates, now).await?;
        Ok(Played { facts: Facts::read(suite, context).await?, trades, last: date })
    }
}

fn stops_of(date: SessionDate) -> anyhow::Result<Vec<String>> {
    let midnight = date.at_hm(0, 0);
    let at = |time: &str| -> Option<String> {
        let mut parts = time.split(':').map(str::parse::<i64>);
        let mut next = || parts.next()?.ok();
        let seconds = next()? * 3_600 + next()? * 60 + next()?;
        Some(midnight.plus_seconds(seconds).to_string())
    };
    let times = WATCH_STOPS.split(',').chain(STOPS.split(','));
    times.map(|time| at(time).with_context(|| format!("no time: {time}"))).collect()
}

/// Measures how many trades a second the market plays while it runs.
struct Pace {
    measuring: JoinHandle<()>,
    seen: Arc<Mutex<(u64, Duration)>>,
}

impl Pace {
    fn measure(url: String) -> Self {
        let seen = Arc::<Mutex<(u64, Duration)>>::default();
        let sum = Arc::clone(&seen);
        let measuring = tokio::spawn(async move {
            let mut before: Option<(Instant, Value)> = None;
            loop {
                tokio::time::sleep(Duration::from_millis(200)).await;
                let at = Instant::now();
                let Ok(now) = http::get(&url).await else { continue };
                let runs = |clock: &Value| clock["paused"] == false;
                if let Some((then, earlier)) = before.take().filter(|(_, earlier)| runs(earlier) && runs(&now)) {
                    let count = |clock: &Value| clock["prints"].as_u64().unwrap_or_default();
                    let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
                    sum.0 += count(&now).saturating_sub(count(&earlier));
                    sum.1 += at - then;
                }
                before = Some((at, now));
            }
        });
        Self { measuring, seen }
    }

    fn stop(self) -> f64 {
        self.measuring.abort();
        let (prints, time) = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        prints as f64 / time.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

/// The logs of a run that failed, for whoever looks into it.
fn keep_logs(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)?.flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|e| e == "log") {
            std::fs::copy(&path, to.join(entry.file_name()))?;
        }
    }
    say(&format!("logs: {}", to.display()))
}
