//! What is known of one symbol at the instant a round falls due.

use super::profile::{Profile, restricts_shorts};
use super::state::PartitionState;
use super::{Features, GapKind, Headline, Occasion, Round, catalyst};
use crate::calendar;
use crate::market::{SymbolState, TradingStatus, indicators};
use crate::money::{Micro, Price};
use crate::symbol::Symbol;
use crate::time::UnixNanos;

/// Everything a round may look at, of one symbol.
pub(super) struct Sight<'a> {
    pub(super) state: &'a PartitionState,
    pub(super) round: &'a Round,
    pub(super) symbol: &'a Symbol,
    pub(super) tape: &'a SymbolState,
    pub(super) profile: Option<&'a Profile>,
    pub(super) headlines: &'a [Headline],
    pub(super) watch: bool,
}

impl Sight<'_> {
    pub(super) fn features(&self) -> Features {
        let (tape, profile) = (self.tape, self.profile);
        let (gap_price, prev_close) = (self.gap_price(), profile.map(|p| p.prev_close));
        let (rules, due) = (&self.state.strategy.scan, self.round.due);
        let atr_14 = profile.and_then(|p| p.atr(rules.atr_smoothing));
        let distance = gap_price.zip(prev_close).map(|(price, close)| price.nanos() - close.nanos());
        let range = (self.range_is_over() && tape.opening.is_priced()).then_some(&tape.opening);
        let premarket = tape.premarket.is_priced().then_some(&tape.premarket);
        let day = tape.regular.is_priced().then_some(&tape.regular);
        let prev_range = profile.and_then(|p| p.prev_range);
        let gap_kind = gap_price.zip(prev_close).zip(prev_range);
        let float_shares = profile.and_then(|p| p.float_shares);
        let spread = tape.spread(due);
        let facts = profile.map(|p| p.facts).unwrap_or_default();
        let mut features = Features {
            last: tape.last.map(|(price, _)| price),
            prev_close,
            open: tape.opening_price(),
            gap_pct: distance.zip(prev_close).and_then(|(d, close)| Micro::ratio(d, close.nanos(), 100)),
            gap_atr: distance.zip(atr_14).and_then(|(d, atr)| Micro::ratio(d, atr.nanos(), 1)),
            atr_14,
            adv_14: profile.and_then(|p| p.adv_14),
            premarket_high: premarket.map(|r| r.high),
            premarket_low: premarket.map(|r| r.low),
            premarket_volume: tape.premarket.volume,
            premarket_dollar_volume: tape.premarket_dollar_volume(),
            or_open: range.map(|r| r.open),
            or_high: range.map(|r| r.high),
            or_low: range.map(|r| r.low),
            or_close: range.map(|r| r.close),
            or_volume: tape.opening.volume,
            rvol: self.relative_volume(),
            rvol_by_time: self.state.relative_volume(self.symbol, due),
            premarket_rvol: self.state.relative_premarket_volume(self.symbol, due, rules.premarket_usual_min),
            vwap: tape.vwap(),
            sector: profile.and_then(|p| p.sector.clone()),
            gap_kind: gap_kind.and_then(|((price, close), (high, low))| GapKind::of(price, close, high, low)),
            prev_close_difference_pct: profile.and_then(|p| p.prev_close_difference_pct),
            history_sessions: profile.map(|p| p.history_sessions),
            day_high: day.map(|r| r.high),
            day_low: day.map(|r| r.low),
            minute_atr_14: tape.minutes().and_then(|minutes| minutes.atr(indicators::PERIOD, due)),
            spread: spread.map(|s| s.usd),
            spread_pct: spread.map(|s| s.pct),
            float_shares,
            float_rotation: float_shares.and_then(|float| share_of(tape.volume(), float)),
            catalyst: None,
            cash_merger: facts.cash_merger,
            halted: self.looks_halted(),
            leveraged: facts.leveraged,
            shortable: facts.shortable,
            easy_to_borrow: facts.easy_to_borrow,
            short_restricted: self.short_restricted(day.map(|r| r.low)),
        };
        self.read_headlines(&mut features);
        features
    }

    /// The price the gap is measured with: the open, or before it the last price while it is fresh.
    fn gap_price(&self) -> Option<Price> {
        if !self.watch {
            return self.tape.opening_price();
        }
        let most = i64::from(self.state.strategy.scan.last_age_max_s) * 1_000_000_000;
        let fresh = |at: UnixNanos| self.round.due.since(at) <= most;
        self.tape.last.filter(|(_, at)| fresh(*at)).map(|(price, _)| price)
    }

    /// Like for like only: the same tape, the same and whole length of the range.
    fn relative_volume(&self) -> Option<Micro> {
        let minutes = self.state.strategy.scan.opening_range_minutes;
        let alike = |p: &&Profile| Some(p.tape) == self.state.tape && p.opening_minutes == minutes;
        self.profile
            .filter(|p| alike(p) && self.range_is_over())
            .and_then(|p| indicators::relative_opening_volume(self.tape.opening.volume, &p.opening_volumes))
    }

    /// Before its end, nothing is known of the opening range.
    fn range_is_over(&self) -> bool {
        self.state.windows.is_some_and(|w| self.round.due >= w.range_end)
    }

    /// By the exchange's word, at any hour. Without a feed of trading status a halt looks like silence in regular hours;
    /// that the feed itself is silent is asked elsewhere.
    fn looks_halted(&self) -> Option<bool> {
        if self.is_told_halted() {
            return Some(true);
        }
        let windows = self.state.windows.filter(|w| w.is_regular(self.round.due))?;
        let silence = i64::from(self.state.strategy.scan.halt_silence_seconds);
        Some(self.tape.silent_seconds(&windows, self.round.due) > silence)
    }

    /// A trade after the halt ends it, told or not: the word that it is over may have been lost.
    fn is_told_halted(&self) -> bool {
        let told = self.state.statuses.get(self.symbol);
        told.is_some_and(|(at, status)| {
            *status == TradingStatus::Halted && *at <= self.round.due && self.tape.newest_print <= *at
        })
    }

    fn short_restricted(&self, day_low: Option<Price>) -> Option<bool> {
        let profile = self.profile?;
        let fell_today = day_low.is_some_and(|low| restricts_shorts(low, profile.prev_close));
        if fell_today { Some(true) } else { profile.fell_yesterday }
    }

    fn read_headlines(&self, features: &mut Features) {
        let long_only = self.state.strategy.plan.long_only;
        let fell = features.or_open.zip(features.or_close).is_some_and(|(open, close)| close < open);
        let on = Occasion {
            since: calendar::previous_session(self.round.session_date).close,
            due: self.round.due,
            gap_sign: features.gap_pct.map_or(0, |gap| gap.micros().signum()),
            short: fell && !long_only,
        };
        features.catalyst = Some(catalyst(self.headlines, on, &self.state.strategy.scoring.catalyst));
        let known = |h: &&Headline| h.published_at >= on.since && h.published_at < on.due;
        if self.headlines.iter().filter(known).any(Headline::is_cash_merger) {
            features.cash_merger = Some(true);
        }
    }
}

fn share_of(part: u64, whole: u64) -> Option<Micro> {
    Micro::ratio(i64::try_from(part).ok()?, i64::try_from(whole).ok()?, 1)
}
