//! Which candidates pass.

use serde::{Deserialize, Serialize};

use super::StrategyError;
use super::range::{count, ensure, price, ratio, shares, usd};
use crate::market::OutlierRule;
use crate::market::indicators::AtrSmoothing;
use crate::money::{Micro, Price, Usd};
use crate::scan::GapKind;

/// Thresholds of the scan. `null` or a missing key leaves a criterion out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ScanRules {
    /// Length of the opening range, minutes.
    pub opening_range_minutes: u32,
    /// Opening price must be above, USD per share.
    pub price_min: Option<Price>,
    /// Opening price must be at most, USD per share.
    pub price_max: Option<Price>,
    /// Average volume of 14 sessions must be at least, shares.
    pub adv_14_min: Option<u64>,
    /// How the true ranges of 14 sessions are averaged.
    #[serde(default)]
    pub atr_smoothing: AtrSmoothing,
    /// ATR of 14 sessions must be above, USD per share.
    pub atr_14_min: Option<Price>,
    /// Distance of the open from the previous close, either way, must be at least, per cent.
    pub gap_pct_min: Option<Micro>,
    /// The same for the `watch` schedule, on the pre-market price.
    pub watch_gap_pct_min: Option<Micro>,
    /// The gap must be of one of these kinds; empty allows all.
    #[serde(default)]
    pub gap_kinds: Vec<GapKind>,
    /// Two sources of the previous close may differ by at most, per cent.
    pub prev_close_difference_pct_max: Option<Micro>,
    /// Pre-market volume must be at least, shares.
    pub premarket_volume_min: Option<u64>,
    /// Pre-market dollar volume must be at least, USD.
    pub premarket_dollar_volume_min: Option<Usd>,
    /// Opening-range volume over its usual must be at least, ratio.
    pub rvol_min: Option<Micro>,
    /// Regular-hours volume over its usual at this time of day must be at least, ratio; asked only where it is known.
    pub rvol_by_time_min: Option<Micro>,
    /// Pre-market volume over its usual at this time of day must be at least, ratio; asked only where it is known.
    pub premarket_rvol_min: Option<Micro>,
    /// The usual pre-market volume counts as at least this, shares: near zero it would make anything unusual.
    #[serde(default = "five_thousand")]
    pub premarket_usual_min: u64,
    /// Free float must be at most, shares; asked only where a vendor gives it.
    pub float_shares_max: Option<u64>,
    /// Spread must be at most, per cent of the middle; asked only where quotes exist.
    pub spread_pct_max: Option<Micro>,
    /// Spread must be at most, per cent of the stop distance; asked only where quotes exist.
    pub spread_stop_pct_max: Option<Micro>,
    /// Earlier sessions that must be known; two leave out the first day after a listing.
    pub history_sessions_min: Option<u32>,
    /// A stock that has not printed for longer than this in regular hours looks halted, whole seconds.
    #[serde(default = "sixty")]
    pub halt_silence_seconds: u32,
    /// Which prints must be confirmed by others before they count.
    #[serde(default)]
    pub outliers: OutlierRule,
    /// What is never traded.
    pub exclude: Exclusions,
    /// Pre-market price must be no older than this when the `watch` schedule falls due, seconds.
    pub last_age_max_s: u32,
}

/// What is never traded, as far as a vendor or the tape tells; what is not told is let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Exclusions {
    /// Funds and notes traded on the exchange.
    pub funds: bool,
    /// Warrants, units, rights and preferred shares.
    pub other_paper: bool,
    /// Products that multiply or invert an index.
    pub leveraged: bool,
    /// Stocks that are, or look, halted.
    pub halted: bool,
    /// Targets of a pending merger for cash, pinned to the offer.
    pub cash_mergers: bool,
}

impl ScanRules {
    pub(super) fn validate(&self) -> Result<(), StrategyError> {
        count("scan.opening_range_minutes", self.opening_range_minutes, (1, 180), "1 to 180 minutes")?;
        price("scan.price_min", self.price_min)?;
        price("scan.price_max", self.price_max)?;
        if let (Some(min), Some(max)) = (self.price_min, self.price_max) {
            ensure(max > min, "scan.price_max", max, "above scan.price_min")?;
        }
        shares("scan.adv_14_min", self.adv_14_min)?;
        price("scan.atr_14_min", self.atr_14_min)?;
        ratio("scan.gap_pct_min", self.gap_pct_min, (0, 1_000), "0 to 1000 per cent")?;
        ratio("scan.watch_gap_pct_min", self.watch_gap_pct_min, (0, 1_000), "0 to 1000 per cent")?;
        let difference = self.prev_close_difference_pct_max;
        ratio("scan.prev_close_difference_pct_max", difference, (0, 100), "0 to 100 per cent")?;
        shares("scan.premarket_volume_min", self.premarket_volume_min)?;
        usd("scan.premarket_dollar_volume_min", self.premarket_dollar_volume_min)?;
        ratio("scan.rvol_min", self.rvol_min, (0, 1_000), "0 to 1000")?;
        ratio("scan.rvol_by_time_min", self.rvol_by_time_min, (0, 1_000), "0 to 1000")?;
        ratio("scan.premarket_rvol_min", self.premarket_rvol_min, (0, 1_000), "0 to 1000")?;
        shares("scan.premarket_usual_min", Some(self.premarket_usual_min))?;
        shares("scan.float_shares_max", self.float_shares_max)?;
        ratio("scan.spread_pct_max", self.spread_pct_max, (0, 100), "0 to 100 per cent")?;
        ratio("scan.spread_stop_pct_max", self.spread_stop_pct_max, (0, 100), "0 to 100 per cent")?;
        count("scan.history_sessions_min", self.history_sessions_min, (0, 250), "0 to 250 sessions")?;
        count("scan.halt_silence_seconds", self.halt_silence_seconds, (1, 3_600), "1 to 3600 seconds")?;
        let OutlierRule { distance_ppm, spreads, known_prints, confirmations } = self.outliers;
        count("scan.outliers.distance_ppm", distance_ppm, (1, 1_000_000), "1 to 1000000 ppm")?;
        count("scan.outliers.spreads", spreads, (0, 1_000), "0 to 1000 spreads")?;
        count("scan.outliers.known_prints", known_prints, (1, 30), "1 to 30 prints")?;
        count("scan.outliers.confirmations", confirmations, (1, 100), "1 to 100 prints")?;
        count("scan.last_age_max_s", self.last_age_max_s, (1, 3_600), "1 to 3600 seconds")
    }
}

const fn five_thousand() -> u64 {
    5_000
}

const fn sixty() -> u32 {
    60
}
