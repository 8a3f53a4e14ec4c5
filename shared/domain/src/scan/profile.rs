//! A symbol's history, boiled down to what the criteria ask.

use serde::{Deserialize, Serialize};

use crate::calendar;
use crate::market::indicators::{self, AtrSmoothing};
use crate::market::{
    OpeningVolume, ReferenceUpdated, SecurityType, SessionVolumes, Tape, UsualVolume, adjusted_bars, adjusted_volume,
    difference_pct, previous_close, split_adjusted_close,
};
use crate::money::{Micro, Price};
use crate::time::SessionDate;

/// A symbol's history, boiled down to what the criteria ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The session the facts are for.
    pub session_date: SessionDate,
    /// Vendor of the facts.
    pub source: String,
    /// Which prints its volumes count.
    pub tape: Tape,
    /// Official close before, at the session's terms; by the first source where `close_refused`.
    pub prev_close: Price,
    /// Why `prev_close` must not be traded on, if so.
    pub close_refused: Option<String>,
    /// High and low of the last session known.
    pub prev_range: Option<(Price, Price)>,
    /// Difference of the previous close from a second source's, else from the last daily bar's, per cent of it.
    pub prev_close_difference_pct: Option<Micro>,
    /// Earlier sessions known.
    pub history_sessions: u32,
    /// Wilder's ATR of 14 sessions.
    pub atr_14: Option<Price>,
    /// Mean true range of 14 sessions.
    pub atr_14_sma: Option<Price>,
    /// Mean volume of 14 sessions.
    pub adv_14: Option<u64>,
    /// Opening volumes of earlier full-length sessions, oldest first.
    pub opening_volumes: Vec<OpeningVolume>,
    /// Length of the range those volumes count, minutes.
    pub opening_minutes: u32,
    /// What kind of paper.
    pub security_type: SecurityType,
    /// Industry sector.
    pub sector: Option<String>,
    /// Shares free to trade.
    pub float_shares: Option<u64>,
    /// What is usual by each time of day.
    pub usual_volume: Option<UsualVolume>,
    /// Yesterday's low was low enough to restrict short sales today too.
    pub fell_yesterday: Option<bool>,
    /// What the broker and the vendors say besides.
    pub facts: Facts,
}

/// Facts that not every vendor tells; `None` means not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Facts {
    /// The product multiplies or inverts an index.
    pub leveraged: Option<bool>,
    /// A merger for cash is pending.
    pub cash_merger: Option<bool>,
    /// The broker lends it.
    pub shortable: Option<bool>,
    /// The broker lends it without asking.
    pub easy_to_borrow: Option<bool>,
}

impl Profile {
    pub(super) fn new(reference: &ReferenceUpdated) -> Self {
        let adjusted = adjusted_bars(&reference.daily_bars, &reference.actions, reference.session_date);
        let bars = adjusted.as_deref().unwrap_or_default();
        let last = bars.last();
        let close = previous_close(reference);
        let second = reference.second_close.as_ref().map(|second| (split_adjusted_close(reference), second.price));
        let second = second.or_else(|| Some((Some(reference.prev_close), reference.daily_bars.last()?.close)));
        let now = |volume, date| adjusted_volume(volume, date, &reference.actions, reference.session_date);
        let opening = reference.opening_volumes.iter().filter(|v| of_full_session(v));
        let steps = |date, steps: &[u64]| steps.iter().map(|volume| now(*volume, date)).collect::<Option<Vec<u64>>>();
        let through_the_day = reference.session_volumes.iter().map(|v| {
            Some(SessionVolumes { premarket: steps(v.date, &v.premarket)?, regular: steps(v.date, &v.regular)?, ..*v })
        });
        let through_the_day: Vec<SessionVolumes> = through_the_day.collect::<Option<_>>().unwrap_or_default();
        let fell = bars.windows(2).last().map(|pair| restricts_shorts(pair[1].low, pair[0].close));
        Self {
            session_date: reference.session_date,
            source: reference.source.clone(),
            tape: reference.tape,
            prev_close: *close.as_ref().unwrap_or(&reference.prev_close),
            close_refused: close.err().map(|refusal| refusal.to_string()),
            prev_range: last.map(|bar| (bar.high, bar.low)),
            prev_close_difference_pct: second.and_then(|(first, second)| difference_pct(first?, second)),
            history_sessions: u32::try_from(bars.len()).unwrap_or(u32::MAX),
            atr_14: indicators::atr_14(bars, AtrSmoothing::Wilder),
            atr_14_sma: indicators::atr_14(bars, AtrSmoothing::Sma),
            adv_14: indicators::adv_14(bars),
            opening_volumes: opening
                .filter_map(|v| Some(OpeningVolume { volume: now(v.volume, v.date)?, date: v.date }))
                .collect(),
            opening_minutes: reference.opening_minutes,
            security_type: reference.security_type,
            sector: reference.sector.clone(),
            float_shares: reference.float_shares,
            usual_volume: UsualVolume::of(&through_the_day, reference.volume_step_minutes),
            fell_yesterday: fell,
            facts: Facts {
                shortable: reference.lending.map(|lending| lending.shortable),
                easy_to_borrow: reference.lending.map(|lending| lending.easy_to_borrow),
                ..Facts::default()
            },
        }
    }

    /// Average true range of 14 sessions, as the strategy smooths it.
    pub const fn atr(&self, smoothing: AtrSmoothing) -> Option<Price> {
        match smoothing {
            AtrSmoothing::Wilder => self.atr_14,
            AtrSmoothing::Sma => self.atr_14_sma,
        }
    }

    /// True when too few sessions are known for Wilder's average to have left its seed behind.
    pub const fn atr_is_young(&self) -> bool {
        (self.history_sessions as usize) < indicators::CONFIDENT_BARS
    }
}

/// A half day is no measure for a full one.
fn of_full_session(volume: &OpeningVolume) -> bool {
    calendar::session(volume.date).is_none_or(|session| !session.early_close)
}

/// True when a trade at `low` is 10 % or more below the close before it: for the rest of that day and the next, a short
/// sale needs a price above the national best bid.
///
/// # Source
/// Regulation SHO, rule 201.
pub(super) fn restricts_shorts(low: Price, close_before: Price) -> bool {
    i128::from(low.nanos()) * 10 <= i128::from(close_before.nanos()) * 9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_per_cent_below_the_close_restricts_shorts() {
        let check = |low: i64, expected: bool| {
            assert_eq!(restricts_shorts(Price::from_cents(low), Price::from_cents(10_000)), expected, "{low}");
        };
        check(9_001, false);
        check(9_000, true);
        check(5_000, true);
    }
}
