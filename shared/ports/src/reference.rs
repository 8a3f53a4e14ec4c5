//! What is known about symbols before their session opens. Calls take several symbols, as vendors do; a symbol that the
//! vendor does not know is left out of the answer.

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
    async fn histories(
        &self,
        symbols: &[Symbol],
        session: SessionDate,
    ) -> Result<HashMap<Symbol, History>, VendorError>;
}

/// A vendor of previous closes.
#[async_trait]
pub trait ClosePort: Send + Sync {
    /// The vendor's name in events.
    fn source(&self) -> &'static str;

    /// The official closes of the last session before `session`.
    async fn closes(&self, symbols: &[Symbol], session: SessionDate) -> Result<HashMap<Symbol, Close>, VendorError>;
}

/// A vendor of corporate actions.
#[async_trait]
pub trait ActionsPort: Send + Sync {
    /// The vendor's name in errors.
    fn source(&self) -> &'static str;

    /// What takes effect from `from` to `to`, both included: the first day at the new terms, and what happens.
    async fn actions(
        &self,
        symbols: &[Symbol],
        from: SessionDate,
        to: SessionDate,
    ) -> Result<HashMap<Symbol, Vec<(SessionDate, ActionKind)>>, VendorError>;
}

/// A vendor of company profiles.
#[async_trait]
pub trait ProfilePort: Send + Sync {
    /// The vendor's name in events.
    fn source(&self) -> &'static str;

    /// The company behind `symbol`; `None` when the vendor does not know it.
    async fn profile(&self, symbol: &Symbol) -> Result<Option<CompanyProfile>, VendorError>;
}

/// A broker's list of what it trades and lends.
#[async_trait]
pub trait LendingPort: Send + Sync {
    /// The broker's name in errors.
    fn source(&self) -> &'static str;

    /// What the broker says of `symbols`. One that it does not trade is not lent.
    async fn lending(&self, symbols: &[Symbol]) -> Result<HashMap<Symbol, Lending>, VendorError>;
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
