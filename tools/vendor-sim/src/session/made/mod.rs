//! Sessions made from a seed: everything follows from seed, symbol and date, so a restart makes the same market.
//!
//! Days form one chain from the first session of 2025 on. A played day's tape fits the daily bar and the opening
//! volume that later days remember of it.

mod listing;
mod news;
mod plan;
mod segment;
mod tape;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{Datelike, NaiveDate};

use super::bars::{self, Bar};
use super::{Listing, News, Trade};
use crate::calendar::{self, Hours};
use crate::rng::Rng;
use listing::Character;
use plan::{DayPlan, Role};

const CENT: i64 = 10_000_000;
const FULL_SESSION_NS: f64 = 23_400e9;

/// Whether a made session may be played on `date`: a year of history before it, and a known calendar.
pub(crate) fn is_covered(date: NaiveDate) -> bool {
    matches!(date.year(), 2026..=2030) && calendar::hours(date).is_some()
}

/// A made market.
#[derive(Debug)]
pub(crate) struct Made {
    seed: u64,
    listings: Vec<Listing>,
    characters: Vec<Character>,
    chain: Mutex<Chain>,
    charts: Mutex<Charts>,
}

/// Bars of earlier sessions by symbol, date and step.
type Charts = HashMap<(u16, NaiveDate, i64), Arc<Vec<Bar>>>;

#[derive(Debug, Default)]
struct Chain {
    dates: Vec<NaiveDate>,
    days: Vec<Arc<Vec<DayPlan>>>,
}

impl Made {
    pub(crate) fn new(seed: u64, symbols: usize) -> Self {
        let (listings, characters) = listing::make(seed, symbols);
        Self { seed, listings, characters, chain: Mutex::default(), charts: Mutex::default() }
    }

    pub(crate) fn listings(&self) -> &[Listing] {
        &self.listings
    }

    pub(crate) fn fingerprint(&self) -> String {
        format!("made seed {} symbols {}", self.seed, self.listings.len())
    }

    pub(crate) fn trades(&self, symbol: u16, date: NaiveDate) -> anyhow::Result<Vec<Trade>> {
        let (hours, day) = (hours(date)?, self.day(date)?);
        let plan = &day[usize::from(symbol)];
        let news = self.headlines(symbol, date, plan, &hours);
        let moved_by = news.first().filter(|_| plan.role.gaps()).map(|n| n.at);
        Ok(tape::tape(symbol, plan, &hours, moved_by, &mut self.rng(3, symbol, date)))
    }

    pub(crate) fn news(&self, date: NaiveDate) -> anyhow::Result<Vec<News>> {
        let (hours, day) = (hours(date)?, self.day(date)?);
        let mut all: Vec<News> = (0..self.listings.len() as u16)
            .flat_map(|symbol| self.headlines(symbol, date, &day[usize::from(symbol)], &hours))
            .collect();
        all.sort_by_key(|n| (n.at, n.symbol));
        Ok(all)
    }

    pub(crate) fn daily(&self, symbol: u16, date: NaiveDate) -> anyhow::Result<Vec<Bar>> {
        self.day(date)?;
        let chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        let end = chain.dates.partition_point(|d| *d < date);
        let bar = |at: usize| {
            let plan = &chain.days[at][usize::from(symbol)];
            let prices = [plan.open, plan.high, plan.low, plan.close].map(|cents| cents * CENT);
            calendar::hours(chain.dates[at]).map(|hours| Bar::without_trades(hours.open, prices, plan.volume))
        };
        Ok((end.saturating_sub(252)..end).filter_map(bar).collect())
    }

    pub(crate) fn prior_sessions(&self, date: NaiveDate, count: usize) -> Vec<NaiveDate> {
        if self.day(date).is_err() {
            return Vec::new();
        }
        let chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        let end = chain.dates.partition_point(|d| *d < date);
        chain.dates[end.saturating_sub(count)..end].to_vec()
    }

    pub(crate) fn intraday(&self, symbol: u16, date: NaiveDate, step: i64) -> anyhow::Result<Arc<Vec<Bar>>> {
        let key = (symbol, date, step);
        if let Some(known) = self.charts.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(Arc::clone(known));
        }
        let made = Arc::new(bars::intraday(self.trades(symbol, date)?.iter(), step, &hours(date)?));
        self.charts.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&made));
        Ok(made)
    }

    pub(crate) fn opening_volume(&self, symbol: u16, date: NaiveDate) -> anyhow::Result<u64> {
        Ok(self.day(date)?[usize::from(symbol)].opening_volume)
    }

    fn headlines(&self, symbol: u16, date: NaiveDate, plan: &DayPlan, hours: &Hours) -> Vec<News> {
        let listing = &self.listings[usize::from(symbol)];
        news::headlines(symbol, listing, plan, hours, &mut self.rng(4, symbol, date))
    }

    fn rng(&self, purpose: u64, symbol: u16, date: NaiveDate) -> Rng {
        Rng::keyed(&[self.seed, purpose, u64::from(symbol), date.num_days_from_ce() as u64])
    }

    /// The outline of every symbol's `date`, extending the chain up to it.
    fn day(&self, date: NaiveDate) -> anyhow::Result<Arc<Vec<DayPlan>>> {
        anyhow::ensure!(
            date.year() >= 2025 && date.year() <= 2030,
            "made sessions reach from 2026 to 2030, not {date}"
        );
        let mut chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        let first = NaiveDate::from_ymd_opt(2024, 12, 31).unwrap_or(date);
        while chain.dates.last().is_none_or(|last| *last < date) {
            let next = calendar::next_session(chain.dates.last().copied().unwrap_or(first));
            let plans = self.plan_day(next, chain.days.last().map(|d| d.as_slice()))?;
            chain.dates.push(next);
            chain.days.push(Arc::new(plans));
        }
        let at = chain.dates.binary_search(&date).map_err(|_| anyhow::anyhow!("{date} is not a trading day"))?;
        Ok(Arc::clone(&chain.days[at]))
    }

    fn plan_day(&self, date: NaiveDate, before: Option<&[DayPlan]>) -> anyhow::Result<Vec<DayPlan>> {
        let hours = hours(date)?;
        let length = (hours.close - hours.open) as f64 / FULL_SESSION_NS;
        let closes: Vec<i64> = match before {
            Some(days) => days.iter().map(|day| day.close).collect(),
            None => self.characters.iter().map(|who| who.base_cents.round() as i64).collect(),
        };
        let mut roles = vec![Role::Quiet; self.characters.len()];
        for (symbol, role) in plan::cast(&self.characters, &closes, &mut self.rng(5, 0, date)) {
            roles[symbol] = role;
        }
        let plan = |symbol: usize| {
            let rng = &mut self.rng(2, symbol as u16, date);
            plan::plan(roles[symbol], &self.characters[symbol], closes[symbol], length, rng)
        };
        Ok((0..self.characters.len()).map(plan).collect())
    }
}

fn hours(date: NaiveDate) -> anyhow::Result<Hours> {
    calendar::hours(date).ok_or_else(|| anyhow::anyhow!("{date} is not a trading day"))
}
