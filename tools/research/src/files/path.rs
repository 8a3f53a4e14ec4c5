//! Trades made from a minute bar, where nothing finer is recorded.

use domain::calendar::Session;
use domain::market::ConditionScheme;

use super::names::Names;
use super::print::Print;

/// A minute of one symbol. Prices in 1e-9 USD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bar {
    /// First instant of the minute, UTC nanoseconds.
    pub start: i64,
    /// First price.
    pub open: i64,
    /// Highest price.
    pub high: i64,
    /// Lowest price.
    pub low: i64,
    /// Last price.
    pub close: i64,
    /// Shares; zero when it is not known.
    pub volume: u64,
}

impl Bar {
    /// True when the four prices can be those of one minute.
    pub(super) const fn is_sound(&self) -> bool {
        self.low > 0
            && self.low <= self.open
            && self.low <= self.close
            && self.high >= self.open
            && self.high >= self.close
    }
}

/// Appends up to eight prints: the open, both extremes and the close, at seeded milliseconds of the minute. An extreme is
/// touched three times, where the volume allows it: the bar vouches for it, and a lone far print would be taken for a mistake.
///
/// The nearer extreme to the direction of the bar comes last in three of four minutes: low before high in a rising bar.
/// `docs/data-files.md` has every draw, so that whoever makes trades of the same bars makes the same ones.
/// Sizes sum to the volume; a bar of unknown volume gets single shares, so that its levels exist. Outside regular hours
/// the prints carry Form T.
pub(super) fn prints(symbol: u32, bar: &Bar, session: &Session, seed: u64, names: &mut Names, out: &mut Vec<Print>) {
    let regular = (session.open.nanos()..session.close.nanos()).contains(&bar.start);
    let conditions = names.conditions(ConditionScheme::Finnhub, if regular { "1" } else { "24" });
    let ticker = names.symbols().get(symbol as usize).map_or("", domain::Symbol::as_str);
    let mut random = Random::keyed([seed, fnv_1a(ticker), bar.start as u64]);
    let usual = random.below(4) < 3;
    let low_first = usual == (bar.close >= bar.open);
    let turns = if low_first { [bar.low, bar.high] } else { [bar.high, bar.low] };
    let mut course = vec![bar.open, turns[0], turns[1], bar.close];
    course.dedup();
    let touches = |price: i64| if price == bar.high || price == bar.low { 3 } else { 1 };
    let vouched: Vec<i64> = course.iter().flat_map(|price| vec![*price; touches(*price)]).collect();
    if bar.volume == 0 || vouched.len() as u64 <= bar.volume {
        course = vouched;
    } else {
        course.truncate(bar.volume as usize);
    }
    let mut moments: Vec<i64> = course.iter().map(|_| bar.start + (40 + random.below(59_910)) * MILLISECOND).collect();
    moments.sort_unstable();
    let count = course.len() as u64;
    for (place, (price, ts_event)) in (0_u64..).zip(course.into_iter().zip(moments)) {
        let share = if bar.volume == 0 { 1 } else { bar.volume / count + u64::from(place < bar.volume % count) };
        let size = u32::try_from(share).unwrap_or(u32::MAX);
        out.push(Print { ts_event, price, size, symbol, conditions });
    }
}

const MILLISECOND: i64 = 1_000_000;

/// `SplitMix64` of Steele, Lea and Flood, keyed by what it is for.
pub(crate) struct Random(u64);

const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    /// Draws under different keys are independent of each other.
    pub(crate) fn keyed(keys: [u64; 3]) -> Self {
        Self(keys.into_iter().fold(0x517c_c1b7_2722_0a95, |state, key| mix(state ^ mix(key.wrapping_add(state)))))
    }

    /// A number from 0 to below `limit`.
    pub(crate) fn below(&mut self, limit: i64) -> i64 {
        self.0 = self.0.wrapping_add(GOLDEN_GAMMA);
        (mix(self.0) % limit as u64) as i64
    }
}

fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn fnv_1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use domain::calendar;

    use super::*;

    #[test]
    fn path_opens_turns_closes_and_sums_like_its_bar() {
        let session = calendar::session("2026-11-24".parse().unwrap()).unwrap();
        let mut names = Names::default();
        let symbol = names.symbol("GME").unwrap();
        for (volume, open, high, low, close) in
            [(1_001, 50, 60, 40, 55), (0, 50, 50, 40, 40), (5, 50, 60, 40, 55), (2, 50, 60, 40, 55)]
        {
            for seed in 0..20 {
                let bar = Bar { start: session.open.nanos(), open, high, low, close, volume };
                let mut made = Vec::new();
                prints(symbol, &bar, &session, seed, &mut names, &mut made);
                let sum: u64 = made.iter().map(|p| u64::from(p.size)).sum();
                assert_eq!(sum, if volume == 0 { made.len() as u64 } else { volume });
                assert!(made.is_sorted_by_key(|p| p.ts_event) && made[0].price == open);
                if volume != 2 {
                    let extremes = (made.iter().map(|p| p.price).max(), made.iter().map(|p| p.price).min());
                    assert_eq!((extremes, made.last().unwrap().price), ((Some(high), Some(low)), close));
                }
            }
        }
    }
}
