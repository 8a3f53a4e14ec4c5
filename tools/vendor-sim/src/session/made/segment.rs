//! A stretch of the tape: clustered arrivals, a price through fixed touches, a mix of sizes with an exact sum.
//!
//! The shares are those of a liquid New York name on a quiet day: 44 % odd lots, 42 % of exactly 100 shares, the
//! top 1 % of prints a fifth of the volume, 54 % of prints within about 1.5 ms of the one before, 40 % sweeps.

use crate::rng::Rng;
use crate::session::Trade;
use crate::session::conditions::Conditions;

/// A print that must happen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Touch {
    ts_ms: i64,
    cents: i64,
    size: u32,
    fixed: bool,
}

impl Touch {
    /// A round lot or more at this time and price.
    pub(crate) fn at(ts_ms: i64, cents: i64) -> Self {
        Self { ts_ms, cents, size: 100, fixed: false }
    }

    /// Exactly this many shares.
    pub(crate) fn lot(ts_ms: i64, cents: i64, size: u32) -> Self {
        Self { ts_ms, cents, size, fixed: true }
    }
}

/// What to make; times in UTC milliseconds, prices in cents.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) touches: Vec<Touch>,
    pub(crate) low: i64,
    pub(crate) high: i64,
    /// Shares of all its prints together.
    pub(crate) volume: u64,
    /// Prints beside the touches.
    pub(crate) count: usize,
    /// Standard deviation of the price around its course.
    pub(crate) noise: f64,
    pub(crate) odd_share: f64,
    /// Intensity of arrivals at points in time, straight between them.
    pub(crate) busy: Vec<(i64, f64)>,
    pub(crate) base: Conditions,
    /// A span without other prints than touches.
    pub(crate) still: Option<(i64, i64)>,
}

impl Segment {
    /// Appends the prints, oldest first.
    pub(crate) fn emit(mut self, rng: &mut Rng, out: &mut Vec<Trade>) {
        self.touches.sort_by_key(|t| t.ts_ms);
        let mut times = self.arrivals(rng);
        if let Some((from, to)) = self.still {
            times.retain(|t| !(from..to).contains(t));
        }
        let mut sizes: Vec<u32> = times.iter().map(|_| size(rng, self.odd_share)).collect();
        let mut fixed: Vec<u32> = self.touches.iter().map(|t| t.size).collect();
        self.fit(&mut sizes, &mut fixed, rng);

        let mut noise = 0.0;
        let mut next = 0;
        for (ts_ms, size) in times.into_iter().zip(sizes) {
            while next < self.touches.len() && self.touches[next].ts_ms <= ts_ms {
                self.push_touch(next, fixed[next], out);
                next += 1;
            }
            if size == 0 {
                continue;
            }
            noise = noise * 0.96 + rng.normal() * self.noise * 0.28;
            let bounce = if rng.chance(0.5) { 0.5 } else { -0.5 };
            let cents = (self.course(next, ts_ms) + noise + bounce).round() as i64;
            let mut conditions = self.base;
            if rng.chance(0.4) {
                conditions = conditions.and(Conditions::SWEEP);
            }
            if size < 100 {
                conditions = conditions.and(Conditions::ODD_LOT);
            } else if conditions == Conditions::NONE && rng.chance(0.7) {
                conditions = Conditions::REGULAR;
            }
            out.push(trade(ts_ms, cents.clamp(self.low, self.high.max(self.low)), size, conditions));
        }
        for (touch, size) in fixed.iter().enumerate().skip(next) {
            self.push_touch(touch, *size, out);
        }
    }

    fn push_touch(&self, at: usize, size: u32, out: &mut Vec<Trade>) {
        let touch = self.touches[at];
        out.push(trade(touch.ts_ms, touch.cents, size, self.base));
    }

    /// The straight line between the touches around `ts_ms`; `next` is the first one after it.
    fn course(&self, next: usize, ts_ms: i64) -> f64 {
        let before = next.checked_sub(1).and_then(|i| self.touches.get(i));
        match (before, self.touches.get(next)) {
            (Some(a), Some(b)) if b.ts_ms > a.ts_ms => {
                let part = (ts_ms - a.ts_ms) as f64 / (b.ts_ms - a.ts_ms) as f64;
                a.cents as f64 + (b.cents - a.cents) as f64 * part
            }
            (Some(only), _) | (None, Some(only)) => only.cents as f64,
            (None, None) => self.low as f64,
        }
    }

    fn arrivals(&self, rng: &mut Rng) -> Vec<i64> {
        let mut areas = Vec::new();
        let mut total = 0.0;
        for pair in self.busy.windows(2) {
            total += (pair[1].0 - pair[0].0) as f64 * (pair[0].1 + pair[1].1) / 2.0;
            areas.push(total);
        }
        let mut times = Vec::with_capacity(self.count);
        while times.len() < self.count {
            let target = rng.unit() * total;
            let piece = areas.partition_point(|area| *area < target).min(areas.len().saturating_sub(1));
            let (a, b) = (self.busy[piece].0, self.busy[piece + 1].0);
            let mut at = rng.int(a, b).clamp(self.from, self.to);
            times.push(at);
            while times.len() < self.count && rng.chance(0.54) {
                at = (at + rng.int(0, 2)).min(self.to);
                times.push(at);
            }
        }
        times.sort_unstable();
        times
    }

    /// Makes all sizes together sum to the volume: too much is trimmed, what is missing comes as blocks.
    fn fit(&self, sizes: &mut [u32], touches: &mut [u32], rng: &mut Rng) {
        let sum = |list: &[u32]| list.iter().map(|s| u64::from(*s)).sum::<u64>();
        let mut have = sum(sizes) + sum(touches);
        for size in sizes.iter_mut().rev() {
            if have <= self.volume {
                break;
            }
            let cut = (have - self.volume).min(u64::from(*size));
            *size -= cut as u32;
            have -= cut;
        }
        let mut missing = self.volume.saturating_sub(have);
        let blocks = sizes.len() / 25;
        let each = if blocks > 0 { missing / blocks as u64 / 100 * 100 } else { 0 };
        for _ in 0..blocks {
            let size = &mut sizes[rng.int(0, sizes.len() as i64) as usize];
            if *size >= 100 && each > 0 {
                *size += each as u32;
                missing -= each;
            }
        }
        let last = self.touches.iter().rposition(|t| !t.fixed);
        if let Some(last) = last {
            touches[last] += missing as u32;
        }
    }
}

fn trade(ts_ms: i64, cents: i64, size: u32, conditions: Conditions) -> Trade {
    Trade { ts_ms, price: cents * 10_000_000, conditions, size, symbol: 0 }
}

fn size(rng: &mut Rng, odd_share: f64) -> u32 {
    let draw = rng.unit();
    if draw < odd_share {
        let u = rng.unit();
        1 + (u * u * 98.0) as u32
    } else if draw < odd_share + (1.0 - odd_share) * 0.75 {
        100
    } else if rng.chance(0.45) {
        rng.int(101, 200) as u32
    } else {
        let tail = 2.0 * (1.0 - rng.unit()).powf(-0.6);
        (tail as u32).min(40) * 100
    }
}
