//! Indicators over daily bars.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{DailyBar, OpeningVolume};
use crate::money::{Micro, Price, div_round};

/// Sessions in an average true range or average volume.
pub const PERIOD: usize = 14;

/// Fewer bars than this leave much of the seed in Wilder's average.
pub const CONFIDENT_BARS: usize = 2 * PERIOD;

/// How true ranges are averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AtrSmoothing {
    /// Wilder (1978): the first value is the mean of the first 14 true ranges, each later one is
    /// `(13 × previous + true range) / 14`.
    #[default]
    Wilder,
    /// The mean of the last 14 true ranges.
    Sma,
}

/// Average true range of 14 sessions, bar by bar.
#[derive(Debug, Clone)]
pub struct Atr {
    smoothing: AtrSmoothing,
    previous_close: Option<Price>,
    ranges: VecDeque<i128>,
    /// Scaled by [`SCALE`].
    average: Option<i128>,
}

impl Atr {
    /// Before the first bar.
    pub const fn new(smoothing: AtrSmoothing) -> Self {
        Self { smoothing, previous_close: None, ranges: VecDeque::new(), average: None }
    }

    /// Adds the next session's bar; the average, USD per share rounded to 1e-9, `None` before the fifteenth.
    pub fn push(&mut self, bar: &DailyBar) -> Option<Price> {
        let range = self.previous_close.map(|close| true_range(close, bar));
        self.previous_close = Some(bar.close);
        let range = i128::from(range?.nanos());
        let n = PERIOD as i128;
        let next = match (self.smoothing, self.average) {
            (AtrSmoothing::Wilder, Some(average)) => div_round(average * (n - 1) + range * SCALE, n),
            (AtrSmoothing::Wilder | AtrSmoothing::Sma, _) => {
                self.ranges.push_back(range);
                if self.ranges.len() > PERIOD {
                    self.ranges.pop_front();
                }
                let sum: i128 = self.ranges.iter().sum();
                if self.ranges.len() == PERIOD { div_round(sum * SCALE, n) } else { None }
            }
        };
        self.average = next;
        i64::try_from(div_round(next?, SCALE)?).ok().map(Price::from_nanos)
    }
}

/// Average true range of the last 14 sessions, USD per share. `bars` are one per session, oldest first, without holes;
/// `None` with fewer than 15.
pub fn atr_14(bars: &[DailyBar], smoothing: AtrSmoothing) -> Option<Price> {
    let mut atr = Atr::new(smoothing);
    bars.iter().map(|bar| atr.push(bar)).last().flatten()
}

/// Wilder's average true range of the last 14 sessions; see [`atr_14`].
pub fn atr_14_wilder(bars: &[DailyBar]) -> Option<Price> {
    atr_14(bars, AtrSmoothing::Wilder)
}

/// The widest of the bar's range and its distances from the close before, USD per share.
pub fn true_range(close_before: Price, bar: &DailyBar) -> Price {
    let (high, low) = (bar.high.max(close_before), bar.low.min(close_before));
    Price::from_nanos(high.nanos().saturating_sub(low.nanos()))
}

/// Mean volume of the last 14 sessions, shares, rounded to nearest; `None` with fewer bars.
pub fn adv_14(bars: &[DailyBar]) -> Option<u64> {
    let last = bars.len().checked_sub(PERIOD).map(|from| &bars[from..])?;
    let sum: u128 = last.iter().map(|b| u128::from(b.volume)).sum();
    u64::try_from((sum + PERIOD as u128 / 2) / PERIOD as u128).ok()
}

/// `volume` over the mean opening volume of the last 14 sessions; `None` with fewer, or when they traded nothing.
///
/// # Source
/// Zarattini, Barbon, Aziz (2024), section 3.
pub fn relative_opening_volume(volume: u64, earlier: &[OpeningVolume]) -> Option<Micro> {
    let last = earlier.len().checked_sub(PERIOD).map(|from| &earlier[from..])?;
    let sum: u64 = last.iter().map(|v| v.volume).try_fold(0_u64, u64::checked_add)?;
    Micro::ratio(i64::try_from(volume).ok()?, i64::try_from(sum).ok()?, PERIOD as i64)
}

/// Digits kept between the steps of the recursion, so that rounding never reaches the ninth decimal.
const SCALE: i128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SessionDate;

    fn bar(day: i32, high: i64, low: i64, close: i64) -> DailyBar {
        let price = |cents| Price::from_cents(cents);
        DailyBar {
            date: SessionDate::from_epoch_days(20_000 + day).unwrap(),
            open: price(low),
            high: price(high),
            low: price(low),
            close: price(close),
            volume: 1_000 + u64::try_from(day).unwrap(),
        }
    }

    #[test]
    fn wilder_average_needs_fourteen_ranges_and_then_fades() {
        let mut bars: Vec<_> = (0..15).map(|d| bar(d, 1_100, 1_000, 1_050)).collect();
        assert_eq!(atr_14_wilder(&bars[..14]), None);
        assert_eq!(atr_14_wilder(&bars), Some(Price::from_cents(100)));
        bars.push(bar(15, 1_250, 1_010, 1_200));
        assert_eq!(atr_14_wilder(&bars), Some(Price::from_cents(110)));
        bars.extend((16..30).map(|d| bar(d, 1_200, 1_100, 1_150)));
        assert_eq!(atr_14(&bars, AtrSmoothing::Sma), Some(Price::from_cents(100)));
        assert!(atr_14_wilder(&bars) > Some(Price::from_cents(100)));
    }

    #[test]
    fn true_range_counts_the_gap() {
        let check = |close: i64, high: i64, low: i64, range: i64| {
            let found = true_range(Price::from_cents(close), &bar(1, high, low, low));
            assert_eq!(found, Price::from_cents(range), "{close} {high} {low}");
        };
        check(1_000, 1_300, 1_250, 300);
        check(1_000, 900, 800, 200);
        check(1_000, 1_010, 990, 20);
    }

    #[test]
    fn relative_volume_is_against_the_mean_of_fourteen() {
        let earlier: Vec<_> = (0..20)
            .map(|d| OpeningVolume {
                date: SessionDate::from_epoch_days(d).unwrap(),
                volume: if d < 6 { 9_999 } else { 200 },
            })
            .collect();
        assert_eq!(relative_opening_volume(500, &earlier), Some(Micro::from_micros(2_500_000)));
        assert_eq!(relative_opening_volume(500, &earlier[..13]), None);
    }
}
