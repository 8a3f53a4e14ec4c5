//! Minute bars, closed on the left and labelled by their start.

use super::{Eligibility, Trade};
use crate::money::Price;
use crate::time::UnixNanos;

/// Nanoseconds in a minute.
const MINUTE: i64 = 60_000_000_000;

/// One minute of one symbol. Late prints revise it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinuteBar {
    /// First instant of the minute.
    pub start: UnixNanos,
    /// First price by exchange time, as are the others of prints that may set a price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Shares.
    pub volume: u64,
    /// Time of the print that set `open`.
    pub open_at: UnixNanos,
    /// Time of the print that set `close`.
    pub close_at: UnixNanos,
}

impl MinuteBar {
    /// The start of the minute of `instant`.
    pub const fn start_of(instant: UnixNanos) -> UnixNanos {
        UnixNanos::new(instant.nanos() - instant.nanos().rem_euclid(MINUTE))
    }

    /// The bar of a minute's first print, `None` when that print sets no price.
    pub fn first(trade: &Trade, eligibility: Eligibility) -> Option<Self> {
        let price = trade.price;
        eligibility.high_low.then(|| Self {
            start: Self::start_of(trade.ts_event),
            open: price,
            high: price,
            low: price,
            close: price,
            volume: if eligibility.volume { u64::from(trade.size) } else { 0 },
            open_at: trade.ts_event,
            close_at: trade.ts_event,
        })
    }

    /// Adds a print of the same minute.
    pub fn add(&mut self, trade: &Trade, eligibility: Eligibility) {
        if eligibility.volume {
            self.volume += u64::from(trade.size);
        }
        if !eligibility.high_low {
            return;
        }
        self.high = self.high.max(trade.price);
        self.low = self.low.min(trade.price);
        if trade.ts_event >= self.close_at {
            (self.close, self.close_at) = (trade.price, trade.ts_event);
        }
        if trade.ts_event < self.open_at {
            (self.open, self.open_at) = (trade.price, trade.ts_event);
        }
    }
}
