//! Trades that were dropped because the spool is full, until they are told.

use domain::UnixNanos;
use domain::market::{FeedGapDetected, FeedGapReason};
use tokio::time::Instant;

use crate::delivery::Entry;

/// What is missing, and how much.
#[derive(Debug)]
pub(crate) struct Hole {
    span: Option<(UnixNanos, UnixNanos)>,
    pub(crate) trades: u64,
    /// When it was last tried to go on.
    pub(crate) tried: Instant,
}

impl Hole {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { span: None, trades: 0, tried: now }
    }

    /// Adds a batch that is not published; its lane has promised everything before `promised`, and the feed may report
    /// a trade `lateness_ns` after it.
    pub(crate) fn add(&mut self, entry: &Entry, promised: Option<UnixNanos>, lateness_ns: i64) {
        if entry.trades > 0 {
            self.trades += u64::from(entry.trades);
            let from = promised.unwrap_or_else(|| entry.watermark.plus_nanos(-lateness_ns));
            self.widen(from, entry.watermark.plus_nanos(lateness_ns).plus_nanos(1));
        }
    }

    /// Takes another hole in, which cannot be told on its own.
    pub(crate) fn widen(&mut self, from: UnixNanos, until: UnixNanos) {
        let (known_from, known_until) = self.span.unwrap_or((from, until));
        self.span = Some((known_from.min(from), known_until.max(until)));
    }

    /// The event; `None` when nothing was dropped.
    pub(crate) fn event(&self, source: &str, epoch: u64) -> Option<FeedGapDetected> {
        self.span.map(|(from, until)| FeedGapDetected {
            source: source.to_owned(),
            epoch,
            from,
            until,
            dropped_trades: Some(self.trades),
            reason: FeedGapReason::SpoolFull,
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use domain::{EventId, Meta};

    use super::*;

    #[test]
    fn it_reaches_from_the_last_promise_to_behind_the_newest_trade_and_counts() {
        let at = |seconds| UnixNanos::new(0).plus_seconds(seconds);
        let meta = Meta {
            id: EventId::from_parts(&["x"]),
            source: "ingest-gateway".into(),
            ts_init: at(0),
            causation: None,
            correlation: None,
            traceparent: None,
        };
        let entry = |trades, watermark| {
            let (meta, payload) = (meta.clone(), Bytes::new());
            Entry { outlet: 0, trades, epoch: 3, batch_no: 1, watermark: at(watermark), meta, payload }
        };
        let mut hole = Hole::new(Instant::now());
        hole.add(&entry(0, 90), Some(at(80)), 0);
        assert_eq!(hole.event("finnhub", 3), None, "a bare watermark is no loss");
        hole.add(&entry(5, 100), Some(at(98)), 2_000_000_000);
        hole.add(&entry(7, 101), Some(at(97)), 2_000_000_000);
        hole.widen(at(99), at(100));
        let event = hole.event("finnhub", 3).unwrap();
        assert_eq!((event.from, event.until), (at(97), at(103).plus_nanos(1)));
        assert_eq!((event.dropped_trades, event.reason), (Some(12), FeedGapReason::SpoolFull));
    }
}
