//! Open, high, low and close of a window.

use serde::{Deserialize, Serialize};

use super::Trade;
use crate::money::Price;
use crate::time::UnixNanos;

/// Open, high, low, close and volume of a window; prices by the prints that may set them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Range {
    /// First price by exchange time.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price by exchange time.
    pub close: Price,
    /// Shares, of every print that counts as volume.
    pub volume: u64,
    /// Prints that set a price.
    pub prints: u64,
    open_at: UnixNanos,
    close_at: UnixNanos,
}

impl Range {
    /// True when at least one print set a price.
    pub const fn is_priced(&self) -> bool {
        self.prints > 0
    }

    /// When the prints that set `open` and `close` were made.
    pub const fn between(&self) -> (UnixNanos, UnixNanos) {
        (self.open_at, self.close_at)
    }

    #[inline]
    pub(super) fn add_price(&mut self, trade: &Trade) {
        self.prints += 1;
        if self.prints == 1 {
            (self.open, self.high, self.low, self.close) = (trade.price, trade.price, trade.price, trade.price);
            (self.open_at, self.close_at) = (trade.ts_event, trade.ts_event);
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
