//! Trading sessions as data: what trades when, at what price, and what was known before.

pub(crate) mod bars;
pub(crate) mod conditions;
pub(crate) mod made;
pub(crate) mod recorded;

use std::sync::Arc;

use chrono::NaiveDate;

use crate::calendar::{self, Hours};
use bars::Bar;
use conditions::Conditions;

/// One print on the tape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trade {
    /// UTC milliseconds, the resolution of Finnhub's feed.
    pub(crate) ts_ms: i64,
    /// 1e-9 dollars.
    pub(crate) price: i64,
    pub(crate) conditions: Conditions,
    /// Shares.
    pub(crate) size: u32,
    /// Index into [`World::listings`].
    pub(crate) symbol: u16,
}

/// A tradable symbol.
#[derive(Debug, Clone)]
pub(crate) struct Listing {
    pub(crate) ticker: String,
    pub(crate) name: String,
    /// `NASDAQ` or `NYSE`.
    pub(crate) exchange: &'static str,
    /// Millions of shares.
    pub(crate) shares_outstanding: u32,
}

/// A headline about one symbol.
#[derive(Debug, Clone)]
pub(crate) struct News {
    pub(crate) symbol: u16,
    /// UTC nanoseconds of publication, on a whole second.
    pub(crate) at: i64,
    pub(crate) headline: String,
    pub(crate) source: &'static str,
    pub(crate) category: &'static str,
}

/// One day's tape, in the order in which it is played: by time, then by symbol, then as made.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) hours: Hours,
    pub(crate) trades: Vec<Trade>,
    pub(crate) news: Vec<News>,
}

/// Where sessions come from.
#[derive(Debug)]
pub(crate) enum World {
    /// Made from a seed.
    Made(made::Made),
    /// Read from files.
    Recorded(recorded::Recorded),
}

impl World {
    /// Every symbol of every session, in ticker order; a `u16` indexes it.
    pub(crate) fn listings(&self) -> &[Listing] {
        match self {
            Self::Made(made) => made.listings(),
            Self::Recorded(recorded) => recorded.listings(),
        }
    }

    pub(crate) fn index_of(&self, ticker: &str) -> Option<u16> {
        self.listings().binary_search_by(|l| l.ticker.as_str().cmp(ticker)).ok().map(|i| i as u16)
    }

    pub(crate) fn session(&self, date: NaiveDate) -> anyhow::Result<Arc<Session>> {
        let hours = calendar::hours(date).ok_or_else(|| anyhow::anyhow!("{date} is not a trading day"))?;
        let mut trades = Vec::new();
        for symbol in 0..self.listings().len() as u16 {
            trades.append(&mut self.trades(symbol, date)?);
        }
        trades.sort_by_key(|t| t.ts_ms);
        let news = match self {
            Self::Made(made) => made.news(date)?,
            Self::Recorded(_) => Vec::new(),
        };
        Ok(Arc::new(Session { hours, trades, news }))
    }

    /// One symbol's tape of one day, oldest first.
    pub(crate) fn trades(&self, symbol: u16, date: NaiveDate) -> anyhow::Result<Vec<Trade>> {
        match self {
            Self::Made(made) => made.trades(symbol, date),
            Self::Recorded(recorded) => Ok(recorded.trades(symbol, date)),
        }
    }

    /// Raw daily bars of up to a year before `date`, oldest first.
    pub(crate) fn daily(&self, symbol: u16, date: NaiveDate) -> anyhow::Result<Vec<Bar>> {
        match self {
            Self::Made(made) => made.daily(symbol, date),
            Self::Recorded(recorded) => Ok(recorded.daily(symbol, date)),
        }
    }

    /// Sessions before `date` that intraday bars are known for, oldest first, at most 20.
    pub(crate) fn prior_sessions(&self, symbol: u16, date: NaiveDate) -> Vec<NaiveDate> {
        match self {
            Self::Made(made) => made.prior_sessions(date, 20),
            Self::Recorded(recorded) => recorded.prior_sessions(symbol, date),
        }
    }

    /// Bars of `step` nanoseconds of an earlier session.
    pub(crate) fn intraday(&self, symbol: u16, date: NaiveDate, step: i64) -> anyhow::Result<Arc<Vec<Bar>>> {
        match self {
            Self::Made(made) => made.intraday(symbol, date, step),
            Self::Recorded(recorded) => Ok(Arc::new(recorded.intraday(symbol, date, step))),
        }
    }

    /// Volume of the first five regular minutes of an earlier session.
    pub(crate) fn opening_volume(&self, symbol: u16, date: NaiveDate) -> anyhow::Result<u64> {
        match self {
            Self::Made(made) => made.opening_volume(symbol, date),
            Self::Recorded(recorded) => Ok(recorded.opening_volume(symbol, date)),
        }
    }

    /// The session after `date`; `None` when the recording ends.
    pub(crate) fn next(&self, date: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Made(_) => Some(calendar::next_session(date)).filter(|next| made::is_covered(*next)),
            Self::Recorded(recorded) => recorded.next(date),
        }
    }

    /// Whether trades were made up from bars or from a seed rather than recorded one by one.
    pub(crate) fn has_made_trades(&self, date: NaiveDate) -> bool {
        match self {
            Self::Made(_) => true,
            Self::Recorded(recorded) => recorded.has_made_trades(date),
        }
    }

    /// What a state file must agree with.
    pub(crate) fn fingerprint(&self) -> String {
        match self {
            Self::Made(made) => made.fingerprint(),
            Self::Recorded(recorded) => recorded.fingerprint(),
        }
    }
}
