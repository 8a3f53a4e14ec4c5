//! How far market time has come, and where it has holes.

use std::time::Duration;

use domain::market::FeedGapReason;
use domain::{UnixNanos, calendar};
use tokio::time::Instant;

use crate::adapters::clock::Reading;

/// Trading time that is missing from a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// First instant without data.
    pub from: UnixNanos,
    /// First instant with data again.
    pub until: UnixNanos,
    /// Why.
    pub reason: FeedGapReason,
}

/// How long a vendor may take to work off the subscriptions of a new connection. Until then some symbols still miss
/// trades while others have theirs already.
const SUBSCRIBING: Duration = Duration::from_millis(500);

/// The watermark of one feed: every earlier trade has come. It never goes back.
///
/// Trades move it to the newest of them; without any frame for a while it follows the market's clock, but only to a
/// reading after which nothing came for that while, since what was under way then would have come.
#[derive(Debug)]
pub struct Watermark {
    value: Option<UnixNanos>,
    lateness_ns: i64,
    idle: Duration,
    last_frame: Instant,
    quiet: Option<Reading>,
    open_gap: Option<(UnixNanos, FeedGapReason)>,
    /// Before this moment nothing ends a gap, and the watermark stands where it began.
    subscribed: Instant,
}

impl Watermark {
    /// Goes on from `published`, the newest and the oldest of the partitions' last watermarks of an earlier run: what
    /// came since the oldest is a gap, for the reason `since`.
    pub fn new(
        published: Option<(UnixNanos, UnixNanos)>,
        since: FeedGapReason,
        lateness: Duration,
        idle: Duration,
        now: Instant,
    ) -> Self {
        Self {
            value: published.map(|(newest, _)| newest),
            lateness_ns: lateness.as_nanos() as i64,
            idle,
            last_frame: now,
            quiet: None,
            open_gap: published.map(|(_, oldest)| (oldest, since)),
            subscribed: now,
        }
    }

    /// The watermark; `None` until market time is known.
    pub const fn value(&self) -> Option<UnixNanos> {
        self.value
    }

    /// Since when trades are missing, while it is not known until when.
    pub fn missing_since(&self) -> Option<UnixNanos> {
        self.open_gap.map(|(from, _)| from)
    }

    /// When the last frame came.
    pub const fn last_frame(&self) -> Instant {
        self.last_frame
    }

    /// Something came, or may be waiting unread.
    pub fn busy(&mut self, now: Instant) {
        self.last_frame = now;
    }

    /// A new connection stands, and has just asked for every symbol.
    pub fn connected(&mut self, now: Instant) {
        self.last_frame = now;
        self.subscribed = now + SUBSCRIBING;
    }

    /// Trades from `oldest` to `newest` came; gives the gap that they end.
    pub fn trades(&mut self, oldest: UnixNanos, newest: UnixNanos) -> Option<Gap> {
        let to = newest.plus_nanos(-self.lateness_ns);
        if self.value.is_some_and(|value| to <= value) {
            return None;
        }
        let gap = self.end_gap(oldest, self.last_frame);
        self.raise(to);
        gap
    }

    /// Nothing came at `now`, while the market's clock last showed `reading`; gives the gap that this ends. One that a
    /// standing clock ends is empty.
    pub fn idle(&mut self, reading: Reading, now: Instant) -> Option<Gap> {
        match self.quiet.filter(|quiet| quiet.asked > self.last_frame) {
            Some(quiet) if now.saturating_duration_since(quiet.asked) >= self.idle => {
                self.quiet = Some(reading);
                // A clock that runs may only be behind the vendor's: what it passes later is whole for certain.
                let passed = self.open_gap.is_some_and(|(from, _)| quiet.market > from || quiet.speed <= 0.0);
                let gap = if passed { self.end_gap(quiet.market, quiet.asked) } else { None };
                self.raise(quiet.market.plus_nanos(-self.lateness_ns));
                gap
            }
            Some(_) => None,
            None => {
                self.quiet = Some(reading);
                None
            }
        }
    }

    /// The connection is gone: what comes until it is back will be missing.
    pub fn disconnected(&mut self, reason: FeedGapReason) {
        self.quiet = None;
        if self.open_gap.is_none() {
            self.open_gap = self.value.map(|from| (from, reason));
        }
    }

    /// Ends the hole with data from market time `until` on, which came at `seen` or later; not while some symbols may
    /// still miss theirs.
    fn end_gap(&mut self, until: UnixNanos, seen: Instant) -> Option<Gap> {
        let (from, reason) = self.open_gap.take_if(|_| seen >= self.subscribed)?;
        Some(Gap { from, until: until.max(from), reason })
    }

    fn raise(&mut self, to: UnixNanos) {
        if self.open_gap.is_none() && self.value.is_none_or(|value| to > value) {
            self.value = Some(to);
        }
    }
}

/// Nanoseconds of `gap` in which stocks trade: pre-market, regular and after hours.
pub fn trading_time(gap: Gap) -> i64 {
    let mut session = calendar::session_at(gap.from);
    let mut total = 0_i64;
    while session.premarket_open < gap.until {
        let from = gap.from.max(session.premarket_open);
        let until = gap.until.min(session.postmarket_close);
        total = total.saturating_add(until.since(from).max(0));
        session = calendar::next_session(session.date);
    }
    total
}

#[cfg(test)]
mod tests {
    use domain::SessionDate;

    use super::*;

    const DOWN: FeedGapReason = FeedGapReason::GatewayDown;
    const IDLE: Duration = Duration::from_millis(250);

    fn at(seconds: i64) -> UnixNanos {
        UnixNanos::new(0).plus_seconds(seconds)
    }

    fn reading(market: i64, asked: Instant) -> Reading {
        Reading { market: at(market), asked, speed: 1.0 }
    }

    #[test]
    fn trades_raise_it_and_late_ones_do_not_lower_it() {
        let mut watermark = Watermark::new(None, DOWN, Duration::from_secs(2), IDLE, Instant::now());
        assert_eq!(watermark.value(), None);
        watermark.trades(at(95), at(100));
        watermark.trades(at(90), at(99));
        assert_eq!(watermark.value(), Some(at(98)));
    }

    #[test]
    fn silence_lets_it_follow_a_reading_that_nothing_came_after() {
        let start = Instant::now();
        let later = |ms| start + Duration::from_millis(ms);
        let mut watermark = Watermark::new(None, DOWN, Duration::ZERO, IDLE, start);
        watermark.idle(reading(10, later(10)), later(20));
        watermark.idle(reading(12, later(200)), later(210));
        assert_eq!(watermark.value(), None, "the reading is too young");
        watermark.busy(later(220));
        watermark.idle(reading(14, later(250)), later(300));
        assert_eq!(watermark.value(), None, "a frame came after the first reading");
        watermark.idle(reading(17, later(490)), later(500));
        assert_eq!(watermark.value(), Some(at(14)));
    }

    #[test]
    fn a_hole_lasts_from_the_last_watermark_to_the_first_data() {
        let mut watermark = Watermark::new(Some((at(50), at(49))), DOWN, Duration::ZERO, IDLE, Instant::now());
        let gap = |from, until, reason| Some(Gap { from: at(from), until: at(until), reason });
        assert_eq!(watermark.trades(at(40), at(45)), None);
        assert_eq!(watermark.value(), Some(at(50)), "an older clock cannot turn it back");
        assert_eq!(watermark.trades(at(60), at(61)), gap(49, 60, FeedGapReason::GatewayDown));
        assert_eq!(watermark.trades(at(62), at(63)), None);
        watermark.disconnected(FeedGapReason::Disconnected);
        watermark.disconnected(FeedGapReason::Stale);
        assert_eq!(watermark.trades(at(70), at(71)), gap(63, 70, FeedGapReason::Disconnected));
    }

    #[test]
    fn a_hole_lasts_until_every_symbol_is_subscribed() {
        let start = Instant::now();
        let mut watermark = Watermark::new(Some((at(50), at(50))), DOWN, Duration::ZERO, IDLE, start);
        watermark.connected(start);
        assert_eq!(watermark.trades(at(60), at(61)), None, "other symbols may miss theirs");
        assert_eq!(watermark.value(), Some(at(50)), "a gateway that dies now leaves the whole hole to the next one");
        watermark.busy(start + SUBSCRIBING);
        let gap = Gap { from: at(50), until: at(62), reason: FeedGapReason::GatewayDown };
        assert_eq!(watermark.trades(at(62), at(63)), Some(gap));
        assert_eq!(watermark.value(), Some(at(63)));
    }

    #[test]
    fn nothing_is_missing_while_the_clock_stands_but_a_clock_that_runs_must_pass_the_hole() {
        let start = Instant::now();
        let later = |ms| start + Duration::from_millis(ms);
        let check = |speed: f64, market: i64, expected: Option<Option<i64>>| {
            let mut watermark = Watermark::new(Some((at(50), at(49))), DOWN, Duration::from_secs(2), IDLE, start);
            watermark.connected(start);
            let reading = |ms| Reading { market: at(market), asked: later(ms), speed };
            assert_eq!(watermark.idle(reading(10), later(20)), None);
            assert_eq!(watermark.idle(reading(300), later(310)), None, "not every symbol is subscribed");
            assert_eq!(watermark.missing_since(), Some(at(49)));
            assert_eq!(watermark.idle(reading(600), later(610)), None);
            let gap = watermark.idle(reading(900), later(910));
            let until = gap.map(|gap| (gap.until > gap.from).then_some(gap.until.nanos() / 1_000_000_000));
            assert_eq!(until, expected, "{speed} {market}");
            assert_eq!(watermark.missing_since().is_none(), expected.is_some());
            assert_eq!(watermark.value(), Some(at(50)), "the allowance for late trades holds it");
        };
        check(0.0, 49, Some(None));
        check(0.0, 40, Some(None));
        check(0.0, 51, Some(Some(51)));
        check(1.0, 49, None);
        check(1.0, 51, Some(Some(51)));
    }

    #[test]
    fn nights_and_holidays_are_no_hole() {
        let instant = |day: &str, h, m| day.parse::<SessionDate>().unwrap().at_hm(h, m);
        let minutes =
            |from, until| trading_time(Gap { from, until, reason: FeedGapReason::GatewayDown }) / 60_000_000_000;
        assert_eq!(minutes(instant("2026-11-24", 10, 0), instant("2026-11-24", 10, 7)), 7);
        assert_eq!(minutes(instant("2026-11-24", 19, 58), instant("2026-11-25", 4, 1)), 3);
        assert_eq!(minutes(instant("2026-11-25", 20, 0), instant("2026-11-27", 4, 0)), 0);
        assert_eq!(minutes(instant("2026-11-24", 10, 0), instant("2026-11-24", 9, 0)), 0);
    }
}
