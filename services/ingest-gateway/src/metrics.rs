//! The gateway's metrics. Labels come from closed sets.

use metrics::{Counter, Gauge, counter, gauge};

/// Handles, looked up once.
pub(crate) struct Instruments {
    /// `gateway_trades_total`: trades taken into a batch.
    pub(crate) trades: Counter,
    /// `gateway_frames_total`: frames read from the feed.
    pub(crate) frames: Counter,
    /// `gateway_price_updates_total`: prints of less than one share, which are no trades.
    pub(crate) price_updates: Counter,
    /// `gateway_late_trades_total`: trades older than a watermark already published.
    pub(crate) late: Counter,
    /// `gateway_batches_total`: batches handed to the bus.
    pub(crate) batches: Counter,
    /// `gateway_batch_bytes_total`: their payloads.
    pub(crate) batch_bytes: Counter,
    /// `gateway_stalls_total`: times that reading stopped because the bus was slower than the feed.
    pub(crate) stalls: Counter,
    /// `gateway_waiting_trades`: trades read that are in no batch yet.
    pub(crate) waiting: Gauge,
    /// `gateway_feed_connected`: 1 while the feed's connection stands.
    pub(crate) connected: Gauge,
    /// `gateway_feed_silence_seconds`: wall time since the feed's last frame.
    pub(crate) silence: Gauge,
    /// `gateway_watermark_seconds`: market time, Unix seconds.
    pub(crate) watermark: Gauge,
}

impl Instruments {
    pub(crate) fn new(source: &'static str) -> Self {
        Self {
            trades: counter!("gateway_trades_total", "source" => source),
            frames: counter!("gateway_frames_total", "source" => source),
            price_updates: counter!("gateway_price_updates_total", "source" => source),
            late: counter!("gateway_late_trades_total", "source" => source),
            batches: counter!("gateway_batches_total", "source" => source),
            batch_bytes: counter!("gateway_batch_bytes_total", "source" => source),
            stalls: counter!("gateway_stalls_total", "source" => source),
            waiting: gauge!("gateway_waiting_trades", "source" => source),
            connected: gauge!("gateway_feed_connected", "source" => source),
            silence: gauge!("gateway_feed_silence_seconds", "source" => source),
            watermark: gauge!("gateway_watermark_seconds", "source" => source),
        }
    }
}

/// Handles on the symbols that money waits on.
pub(crate) struct WatchInstruments {
    /// `gateway_watched_symbols`: symbols in a round, planned or held.
    pub(crate) watched: Gauge,
    /// `gateway_silent_symbols`: those of them that do not trade while others do.
    pub(crate) silent: Gauge,
    /// `gateway_symbol_silence_seconds`: market time since the last trade of the one that has been silent longest.
    pub(crate) longest: Gauge,
}

impl WatchInstruments {
    pub(crate) fn new() -> Self {
        Self {
            watched: gauge!("gateway_watched_symbols"),
            silent: gauge!("gateway_silent_symbols"),
            longest: gauge!("gateway_symbol_silence_seconds"),
        }
    }
}

/// Handles on what waits for the bus.
pub(crate) struct SpoolInstruments {
    /// `gateway_lane_messages`: messages in the lanes that are not stored yet.
    pub(crate) lanes: Gauge,
    /// `gateway_spool_depth`: messages in the spool that are not stored yet.
    pub(crate) depth: Gauge,
    /// `gateway_spool_bytes`: the spool's files.
    pub(crate) bytes: Gauge,
    /// `gateway_spool_oldest_seconds`: age of the oldest message that is not stored yet.
    pub(crate) oldest: Gauge,
    /// `gateway_spool_begun_total`: times that batches went to the spool because the bus was behind.
    pub(crate) begun: Counter,
    /// `gateway_dropped_trades_total`, reason `spool_full`: trades dropped, each told in a gap.
    pub(crate) dropped: Counter,
    /// The same, reason `superseded`: trades in an old spool that another gateway's batches have overtaken.
    pub(crate) superseded: Counter,
}

impl SpoolInstruments {
    pub(crate) fn new() -> Self {
        Self {
            lanes: gauge!("gateway_lane_messages"),
            depth: gauge!("gateway_spool_depth"),
            bytes: gauge!("gateway_spool_bytes"),
            oldest: gauge!("gateway_spool_oldest_seconds"),
            begun: counter!("gateway_spool_begun_total"),
            dropped: counter!("gateway_dropped_trades_total", "reason" => "spool_full"),
            superseded: counter!("gateway_dropped_trades_total", "reason" => "superseded"),
        }
    }
}

/// `gateway_refused_total`: trades and frames that were not taken, by `code`.
pub(crate) fn refused(code: &'static str) {
    counter!("gateway_refused_total", "code" => code).increment(1);
}

/// `gateway_notices_total`: what the feed said beside trades, by `kind`: `halted`, `resumed`, `corrected`, `cancelled`.
pub(crate) fn notice(kind: &'static str) {
    counter!("gateway_notices_total", "kind" => kind).increment(1);
}

/// `gateway_failovers_total`: times that another vendor's feed was taken because one was away.
pub(crate) fn failover() {
    counter!("gateway_failovers_total").increment(1);
}

/// `gateway_gap_seconds_total`: market time that the feed missed in trading hours.
pub(crate) fn gap(seconds: u64) {
    counter!("gateway_gap_seconds_total").increment(seconds);
}

/// `gateway_reference_symbols`: symbols by `state` of their history: `complete`, `refused`, `missing`.
pub(crate) fn reference(complete: usize, refused: usize, missing: usize) {
    for (state, count) in [("complete", complete), ("refused", refused), ("missing", missing)] {
        gauge!("gateway_reference_symbols", "state" => state).set(count as f64);
    }
}

/// `gateway_vendor_calls_total`: REST calls by `vendor` and `outcome`: `ok`, `throttled`, `failed`, `refused`, and
/// `held_back` for those that the budget kept from being made.
pub(crate) fn vendor_call(vendor: &'static str, outcome: &'static str) {
    counter!("gateway_vendor_calls_total", "vendor" => vendor, "outcome" => outcome).increment(1);
}

/// `gateway_vendor_budget_left`: calls left in the fullest window of `vendor`.
pub(crate) fn vendor_budget(vendor: &'static str, left: usize) {
    gauge!("gateway_vendor_budget_left", "vendor" => vendor).set(left as f64);
}

/// `gateway_news_total`: articles published.
pub(crate) fn news(count: u64) {
    counter!("gateway_news_total").increment(count);
}
