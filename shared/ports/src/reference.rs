//! What is known about a symbol before its session opens.

use async_trait::async_trait;
use domain::market::{DailyBar, OpeningVolume, Tape};
use domain::{Price, SessionDate, Symbol};

use crate::error::VendorError;

/// A vendor of daily and intraday history.
#[async_trait]
pub trait ReferencePort: Send + Sync {
    /// The vendor's name in events, for example `yahoo`.
    fn source(&self) -> &'static str;

    /// The history of `symbol` as known before the session of `session` opens.
    async fn history(&self, symbol: &Symbol, session: SessionDate) -> Result<History, VendorError>;
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
}
