//! What is known about symbols before their session opens. Calls take several symbols, as vendors do.

use std::collections::HashMap;

use async_trait::async_trait;
use domain::market::{ActionKind, DailyBar, Lending, OpeningVolume, SessionVolumes, Tape};
use domain::{Price, SessionDate, Symbol};

use crate::error::VendorError;

/// A vendor of daily and intraday history.
#[async_trait]
pub trait HistoryPort: Send + Sync {
    /// The vendor's name in events, for example `yahoo`.
    fn source(&self) -> &'static str;

    /// The history of `symbols` as known before the session of `session` opens.
    async fn histories(&self, symbols: &[Symbol], session: SessionDate) -> Answer<History>;
}

/// A vendor of previous closes.
#[async_trait]
pub trait ClosePort: Send + Sync {
    /// The vendor's name in events.
    fn source(&self) -> &'static str;

    /// The official closes of the last session before `session`.
    async fn closes(&self, symbols: &[Symbol], session: SessionDate) -> Answer<Close>;
}

/// A vendor of corporate actions.
#[async_trait]
pub trait ActionsPort: Send + Sync {
    /// What takes effect from `from` to `to`, both included: the first day at the new terms, and what happens.
    async fn actions(
        &self,
        symbols: &[Symbol],
        from: SessionDate,
        to: SessionDate,
    ) -> Answer<Vec<(SessionDate, ActionKind)>>;
}

/// A vendor of company profiles.
#[async_trait]
pub trait ProfilePort: Send + Sync {
    /// The vendor's name in events.
    fn source(&self) -> &'static str;

    /// The companies behind `symbols`.
    async fn profiles(&self, symbols: &[Symbol]) -> Answer<CompanyProfile>;
}

/// A broker's list of what it trades and lends.
#[async_trait]
pub trait LendingPort: Send + Sync {
    /// What the broker says of `symbols`. One that it does not trade is not lent.
    async fn lending(&self, symbols: &[Symbol]) -> Answer<Lending>;
}

/// What a vendor told of several symbols; one that it does not know is left out.
#[derive(Debug)]
pub struct Answer<T> {
    /// By symbol.
    pub told: HashMap<Symbol, T>,
    /// What kept the vendor from telling more, if anything did.
    pub failure: Option<VendorError>,
}

impl<T> From<Result<HashMap<Symbol, T>, VendorError>> for Answer<T> {
    fn from(outcome: Result<HashMap<Symbol, T>, VendorError>) -> Self {
        match outcome {
            Ok(told) => Self { told, failure: None },
            Err(error) => Self { told: HashMap::new(), failure: Some(error) },
        }
    }
}

/// A symbol's earlier sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Which prints the volumes count.
    pub tape: Tape,
    /// Official close of the last session before the one asked for.
    pub prev_close: Price,
    /// Earlier sessions, oldest first.
    pub daily_bars: Vec<DailyBar>,
    /// Volumes of the first minutes of earlier full-length sessions, oldest first.
    pub opening_volumes: Vec<OpeningVolume>,
    /// The minutes that `opening_volumes` count.
    pub opening_minutes: u32,
    /// Volumes of earlier sessions through the day, oldest first.
    pub session_volumes: Vec<SessionVolumes>,
    /// The length of their steps, minutes.
    pub volume_step_minutes: u32,
    /// Prices and volumes are at the terms of the day they were asked for: splits are applied.
    pub splits_applied: bool,
}

/// A previous close as a source tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Close {
    /// The close, dividends not taken off.
    pub price: Price,
    /// As traded, at the terms of its own day. Otherwise at whatever terms the source shows this morning.
    pub raw: bool,
}

/// A company.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompanyProfile {
    /// Industry sector, in the vendor's words.
    pub sector: Option<String>,
    /// Shares issued, which are no fewer than those free to trade.
    pub shares_outstanding: Option<u64>,
}
