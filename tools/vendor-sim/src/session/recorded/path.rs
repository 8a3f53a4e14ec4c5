//! Prints for a bar: a seeded path through open, high, low and close that sums to its volume.

use crate::rng::Rng;
use crate::session::Trade;
use crate::session::bars::Bar;
use crate::session::conditions::Conditions;

/// Prints within the minute of `bar`, oldest first.
///
/// The first is the open, the last the close, the extremes are touched exactly and nothing leaves them; sizes sum
/// to the volume. A bar of unknown volume (0) gets single shares, so that its levels exist.
pub(crate) fn prints(symbol: u16, bar: &Bar, base: Conditions, rng: &mut Rng) -> Vec<Trade> {
    let toward_close_last = rng.int(0, 4) < 3;
    let low_first = toward_close_last == (bar.close >= bar.open);
    let turns = if low_first { [bar.low, bar.high] } else { [bar.high, bar.low] };
    let mut course = vec![bar.open, turns[0], turns[1], bar.close];
    course.dedup();
    let vouched: Vec<i64> = course.iter().flat_map(|price| vec![*price; touches(bar, *price)]).collect();
    if bar.volume == 0 || vouched.len() as u64 <= bar.volume {
        course = vouched;
    } else {
        course.truncate(bar.volume as usize);
    }
    let times = times(bar.start / 1_000_000, course.len(), rng);
    let print = |((price, size), ts_ms)| Trade { ts_ms, price, conditions: base, size, symbol };
    let sizes = sizes(bar.volume, course.len() as u64);
    course.into_iter().zip(sizes).zip(times).map(print).collect()
}

/// An extreme is touched three times, where the volume allows it: a bar vouches for it, and a lone far print would be taken for a mistake.
fn touches(bar: &Bar, price: i64) -> usize {
    if price == bar.high || price == bar.low { 3 } else { 1 }
}

/// Equal shares of the volume; what is left over goes to the first ones.
fn sizes(volume: u64, count: u64) -> impl Iterator<Item = u32> {
    let share = move |place| if volume == 0 { 1 } else { volume / count + u64::from(place < volume % count) };
    (0..count).map(move |place| share(place) as u32)
}

fn times(start_ms: i64, count: usize, rng: &mut Rng) -> Vec<i64> {
    let mut times: Vec<i64> = (0..count).map(|_| start_ms + rng.int(40, 59_950)).collect();
    times.sort_unstable();
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_opens_tops_bottoms_closes_and_sums_like_its_bar() {
        let check = |open: i64, high: i64, low: i64, close: i64, volume: u64| {
            let bar = Bar::without_trades(0, [open, high, low, close], volume);
            for seed in 0..50 {
                let made = prints(3, &bar, Conditions::REGULAR, &mut Rng::keyed(&[seed]));
                let prices: Vec<i64> = made.iter().map(|t| t.price).collect();
                assert_eq!((prices.first(), prices.last()), (Some(&open), Some(&close)));
                assert_eq!((prices.iter().max(), prices.iter().min()), (Some(&high), Some(&low)));
                let sum: u64 = made.iter().map(|t| u64::from(t.size)).sum();
                assert_eq!(sum, if volume == 0 { made.len() as u64 } else { volume });
                assert!(made.is_sorted_by_key(|t| t.ts_ms) && made.iter().all(|t| t.ts_ms < 60_000 && t.size > 0));
            }
        };
        let dollars = |d: f64| (d * 1e9) as i64;
        check(dollars(130.0), dollars(130.89), dollars(127.12), dollars(128.355), 1_683_531);
        check(dollars(10.0), dollars(10.0), dollars(9.5), dollars(9.5), 4);
        check(dollars(10.0), dollars(10.5), dollars(9.5), dollars(10.2), 0);
        check(dollars(10.0), dollars(10.5), dollars(9.5), dollars(10.2), 5);
        check(dollars(10.0), dollars(10.5), dollars(9.5), dollars(10.2), 8);
        check(dollars(10.0), dollars(10.0), dollars(10.0), dollars(10.0), 1);
    }
}
