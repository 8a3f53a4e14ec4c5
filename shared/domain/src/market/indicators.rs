//! Indicators over daily bars.

use super::{DailyBar, OpeningVolume};
use crate::money::{Micro, Price, div_round};

/// Sessions in an average true range or average volume.
pub const PERIOD: usize = 14;

/// Wilder's average true range of the last 14 sessions.
///
/// Shape: `bars` oldest first, one per session, no holes. Units: USD per share, rounded to 1e-9 once at the end of each
/// step. `None` with fewer than 15 bars.
/// # Source
/// Wilder (1978): the first value is the mean of the first 14 true ranges, each later one is
/// `(13 × previous + true range) / 14`.
pub fn atr_14_wilder(bars: &[DailyBar]) -> Option<Price> {
    let mut ranges = bars.windows(2).map(|pair| true_range(&pair[0], &pair[1]));
    let n = PERIOD as i128;
    let mut sum = 0_i128;
    for _ in 0..PERIOD {
        sum += ranges.next()?;
    }
    let seed = div_round(sum * SCALE, n)?;
    let scaled = ranges.try_fold(seed, |atr, range| div_round(atr * (n - 1) + range * SCALE, n))?;
    i64::try_from(div_round(scaled, SCALE)?).ok().map(Price::from_nanos)
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

/// The widest of today's range and its distances from yesterday's close, 1e-9 USD.
fn true_range(yesterday: &DailyBar, today: &DailyBar) -> i128 {
    let (high, low, close) = (today.high.nanos(), today.low.nanos(), yesterday.close.nanos());
    i128::from((high - low).max((high - close).abs()).max((low - close).abs()))
}

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
    }

    #[test]
    fn true_range_counts_the_gap() {
        assert_eq!(true_range(&bar(0, 1_100, 1_000, 1_000), &bar(1, 1_300, 1_250, 1_260)), 3_000_000_000);
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
