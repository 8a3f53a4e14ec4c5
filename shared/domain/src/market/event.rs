//! What the gateway reports about the market.

use serde::{Deserialize, Serialize};

use crate::money::{Micro, Price};
use crate::symbol::Symbol;
use crate::time::{SessionDate, UnixNanos};

/// Which prints a feed carries. Volumes of different tapes are never compared with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Tape {
    /// Every exchange and the trade-reporting facilities.
    Consolidated,
    /// IEX's own prints only.
    Iex,
    /// The simulator's own market.
    Simulated,
}

/// How a feed writes trade conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConditionScheme {
    /// Finnhub's numeric codes.
    Finnhub,
    /// SIP letters of tapes A and B.
    Cta,
    /// SIP letters of tape C.
    Utp,
    /// SIP letters behind their tape's letter and a colon: `C:@,T,I`.
    Sip,
}

/// One print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// The source's time of the trade.
    pub ts_event: UnixNanos,
    /// Price per share, positive.
    pub price: Price,
    /// Shares, positive.
    pub size: u32,
}

/// The trades of one partition between two publications, in columns.
///
/// All columns have the same length; `symbol` indexes `symbols` and `conditions` indexes `condition_sets`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TradeColumns {
    /// Index into `TradeBatch::symbols`.
    pub symbol: Vec<u32>,
    /// The source's time, UTC nanoseconds.
    pub ts_event: Vec<i64>,
    /// USD per share, 1e-9, positive.
    pub price: Vec<i64>,
    /// Shares, positive.
    pub size: Vec<u32>,
    /// Index into `TradeBatch::condition_sets`.
    pub conditions: Vec<u32>,
}

/// A batch of trades of one partition, and how far market time has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TradeBatch {
    /// The feed, for example `finnhub`.
    pub source: String,
    /// Which prints the feed carries.
    pub tape: Tape,
    /// How `condition_sets` is written.
    pub scheme: ConditionScheme,
    /// The gateway's ownership epoch of this source; rises at every start and takeover.
    pub epoch: u64,
    /// Counts the batches of this source, epoch and partition from 1 without a hole.
    pub batch_no: u64,
    /// The partition of every symbol in here.
    pub partition: u32,
    /// Every trade of this partition with an earlier `ts_event` is in this batch or an earlier one.
    pub watermark: UnixNanos,
    /// When the gateway received the newest frame in here, on its own clock.
    pub ts_recv: UnixNanos,
    /// Dictionary of the symbols traded.
    pub symbols: Vec<Symbol>,
    /// Dictionary of condition lists as the vendor wrote them, joined by commas; empty for a regular trade.
    pub condition_sets: Vec<String>,
    /// The trades in order of arrival.
    pub trades: TradeColumns,
}

/// One session's regular-hours bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DailyBar {
    /// The session.
    pub date: SessionDate,
    /// First price, split-adjusted to the day the bar was fetched, as are the others.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Official closing price.
    pub close: Price,
    /// Shares.
    pub volume: u64,
}

impl DailyBar {
    /// True where open and close lie between low and high.
    pub fn is_sound(&self) -> bool {
        let range = self.low..=self.high;
        range.contains(&self.open) && range.contains(&self.close)
    }
}

/// Volume of the first minutes of one earlier session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpeningVolume {
    /// The session.
    pub date: SessionDate,
    /// Shares traded from the open until `ReferenceUpdated::opening_minutes` later.
    pub volume: u64,
}

/// Volume of one earlier session in steps of `ReferenceUpdated::volume_step_minutes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionVolumes {
    /// The session.
    pub date: SessionDate,
    /// Shares of each step from 04:00 to the open; empty where the source does not know pre-market volume.
    pub premarket: Vec<u64>,
    /// Shares of each step from the open to the close.
    pub regular: Vec<u64>,
}

/// What a company does to its shares on the morning of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    /// `old` shares become `new` ones.
    Split {
        /// Shares before, positive.
        old: u32,
        /// Shares after, positive.
        new: u32,
    },
    /// A regular dividend in cash, USD per share.
    Dividend(Price),
    /// A dividend out of turn, USD per share.
    SpecialDividend(Price),
    /// The company trades under another symbol.
    SymbolChange,
    /// The company merges.
    Merger,
    /// A part of the company becomes a company of its own.
    SpinOff,
}

/// A corporate action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorporateAction {
    /// First session at the new terms.
    pub ex_date: SessionDate,
    /// What happens.
    pub kind: ActionKind,
    /// The source's earlier prices and volumes are at the new terms already.
    pub applied: bool,
}

/// A second source's word on the previous close.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondClose {
    /// The vendor.
    pub source: String,
    /// Official close of the last full session at the terms of `session_date`, dividends not taken off.
    pub price: Price,
}

/// Where a float comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FloatSource {
    /// The vendor.
    pub source: String,
    /// The day it was counted.
    pub date: SessionDate,
}

/// What the broker says of lending a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lending {
    /// It may be sold short.
    pub shortable: bool,
    /// It is lent without asking.
    pub easy_to_borrow: bool,
}

/// What kind of paper a symbol is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecurityType {
    /// Common stock or an ADR of one.
    Common,
    /// A fund or note traded on the exchange.
    Fund,
    /// Warrant, unit, right or preferred share.
    Other,
    /// The vendor does not say.
    Unknown,
}

/// A symbol's history and facts as known before its session opens; sent again each session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReferenceUpdated {
    /// The symbol.
    pub symbol: Symbol,
    /// The session these facts are for.
    pub session_date: SessionDate,
    /// The vendor, for example `yahoo`.
    pub source: String,
    /// Which prints the volumes count.
    pub tape: Tape,
    /// Official close of the last full session; at the terms of `session_date` but for `actions` not yet applied.
    pub prev_close: Price,
    /// Earlier sessions, oldest first, without `session_date` itself.
    pub daily_bars: Vec<DailyBar>,
    /// Opening volumes of earlier sessions, oldest first.
    pub opening_volumes: Vec<OpeningVolume>,
    /// Length of the opening range the volumes count.
    pub opening_minutes: u32,
    /// Shares free to trade, where a vendor gives them.
    pub float_shares: Option<u64>,
    /// Industry sector, where a vendor gives it.
    pub sector: Option<String>,
    /// What kind of paper this is.
    pub security_type: SecurityType,
    /// When the vendor was asked.
    pub as_of: UnixNanos,
    /// Corporate actions that take effect on `session_date` or took effect within `daily_bars`.
    pub actions: Vec<CorporateAction>,
    /// The previous close by another source, where one was asked.
    pub second_close: Option<SecondClose>,
    /// Where `float_shares` comes from, where that is told.
    pub float_source: Option<FloatSource>,
    /// Volumes of earlier sessions through the day, oldest first.
    pub session_volumes: Vec<SessionVolumes>,
    /// Length of their steps, minutes; zero without any.
    pub volume_step_minutes: u32,
    /// What the broker says of lending, where it was asked.
    pub lending: Option<Lending>,
}

/// How much an article is about a symbol, and how it speaks of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mention {
    /// The symbol.
    pub symbol: Symbol,
    /// Share of the article about it, 0 to 1.
    pub relevance: Option<Micro>,
    /// −1 (bad for it) to 1.
    pub sentiment: Option<Micro>,
}

/// A headline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewsPublished {
    /// The vendor and its id of the article, for example `finnhub:7309`.
    pub news_id: String,
    /// The symbols it is about.
    pub symbols: Vec<Symbol>,
    /// The headline.
    pub headline: String,
    /// The first lines.
    pub summary: String,
    /// The publisher.
    pub source: String,
    /// Where to read it.
    pub url: String,
    /// When it was published.
    pub published_at: UnixNanos,
    /// What the vendor says of single symbols; empty where it says nothing.
    pub mentions: Vec<Mention>,
}

/// Why market data is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedGapReason {
    /// The vendor's connection was down.
    Disconnected,
    /// The gateway was not running.
    GatewayDown,
    /// The bus was away and the spool was full.
    SpoolFull,
    /// The connection was up and silent for too long.
    Stale,
    /// The feed's own minute bars count trades that it has not sent.
    Incomplete,
}

/// Market data that nobody will get any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FeedGapDetected {
    /// The feed.
    pub source: String,
    /// The feed's ownership epoch that noticed.
    pub epoch: u64,
    /// First instant without data.
    pub from: UnixNanos,
    /// First instant with data again.
    pub until: UnixNanos,
    /// Trades known to have been dropped; unknown while a connection is down.
    pub dropped_trades: Option<u64>,
    /// Why.
    pub reason: FeedGapReason,
}

/// Whether the exchange lets a symbol trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TradingStatus {
    /// Halted by the regulator or the exchange, or paused by a price band or a market-wide breaker.
    Halted,
    /// It may trade again.
    Resumed,
}

/// The exchange has halted or paused a symbol, or lets it trade again. Only feeds that carry status tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TradingStatusChanged {
    /// The symbol.
    pub symbol: Symbol,
    /// What holds from `at` on; a trade later than `at` ends a halt, whether or not it was told to be over.
    pub status: TradingStatus,
    /// The exchange's time of it.
    pub at: UnixNanos,
    /// The feed.
    pub source: String,
    /// The exchange's codes and words; may be empty.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_sound_where_open_and_close_lie_within_its_range() {
        let sound = |cents: [i64; 4]| {
            let [open, high, low, close] = cents.map(Price::from_cents);
            DailyBar { date: "2026-11-24".parse().unwrap(), open, high, low, close, volume: 1 }.is_sound()
        };
        assert!(sound([10, 12, 9, 11]) && sound([10, 10, 10, 10]) && sound([9, 12, 9, 12]));
        assert!(!sound([8, 12, 9, 11]) && !sound([10, 12, 9, 13]) && !sound([10, 9, 12, 10]));
    }
}
