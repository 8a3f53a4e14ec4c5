//! From a day's outline to its prints.

use super::plan::{DayPlan, Role};
use super::segment::{Segment, Touch};
use crate::calendar::Hours;
use crate::rng::Rng;
use crate::session::Trade;
use crate::session::conditions::Conditions;

const MINUTE_MS: i64 = 60_000;

/// All prints of one symbol's day, oldest first.
///
/// Exact by construction: the regular session's eligible prints open, top, bottom and close where the plan says,
/// likewise the first five minutes, and both volumes are met to the share.
pub(crate) fn tape(symbol: u16, plan: &DayPlan, hours: &Hours, news_at: Option<i64>, rng: &mut Rng) -> Vec<Trade> {
    let open_ms = hours.open / 1_000_000;
    let close_ms = hours.close / 1_000_000;
    let mut out = Vec::new();
    premarket(plan, hours, news_at, rng, &mut out);

    let auction = plan.opening_volume / 5;
    let auction_ms = open_ms + rng.int(40, 900);
    out.push(print(auction_ms, plan.open, auction, Conditions::OPENING));
    out.push(print(auction_ms + 1, plan.open, auction, Conditions::OFFICIAL_OPEN));
    opening(plan, auction_ms + 2, open_ms + 5 * MINUTE_MS, auction, rng, &mut out);

    let closing = plan.volume * 8 / 100;
    rest(plan, open_ms + 5 * MINUTE_MS, close_ms, plan.volume - plan.opening_volume - closing, rng, &mut out);
    let closing_ms = close_ms + rng.int(150, 4_000);
    out.push(print(closing_ms, plan.close, closing, Conditions::CLOSING));
    out.push(print(closing_ms + 1, plan.close, closing, Conditions::OFFICIAL_CLOSE));
    postmarket(plan, closing_ms + 2_000, hours.post_close / 1_000_000, rng, &mut out);
    for trade in &mut out {
        trade.symbol = symbol;
    }
    out
}

fn print(ts_ms: i64, price_cents: i64, size: u64, conditions: Conditions) -> Trade {
    Trade {
        ts_ms,
        price: price_cents * 10_000_000,
        conditions,
        size: size.clamp(1, u64::from(u32::MAX)) as u32,
        symbol: 0,
    }
}

fn premarket(plan: &DayPlan, hours: &Hours, news_at: Option<i64>, rng: &mut Rng, out: &mut Vec<Trade>) {
    let from = hours.pre_open / 1_000_000 + 20_000;
    let to = hours.open / 1_000_000 - 300;
    let volume = plan.volume as f64 * if plan.role.gaps() { rng.range(0.055, 0.09) } else { rng.range(0.001, 0.005) };
    let news_ms = news_at.map_or(from, |at| (at / 1_000_000).clamp(from, to - 30 * MINUTE_MS));
    let reach = news_ms + rng.int(2, 9) * MINUTE_MS;
    let (prev, open) = (plan.prev_close, plan.open);
    let overshoot = ((open - prev) as f64 * rng.range(0.1, 0.35)).round() as i64;
    let peak_ms = rng.int(reach + MINUTE_MS, to - 10 * MINUTE_MS);
    let touches = vec![
        Touch::at(from, prev),
        Touch::at(news_ms, prev),
        Touch::at(reach, open - overshoot / 3),
        Touch::at(peak_ms, open + overshoot),
        Touch::at(to, open),
    ];
    Segment {
        from,
        to,
        touches,
        low: prev.min(open).min(open + overshoot) - 3,
        high: prev.max(open).max(open + overshoot) + 3,
        volume: volume as u64,
        count: (volume / 150.0) as usize,
        noise: plan.range * 0.02,
        odd_share: 0.6,
        busy: vec![(from, 1.0), (reach, 3.0), (to, 6.0)],
        base: Conditions::FORM_T,
        still: None,
    }
    .emit(rng, out);
}

fn opening(plan: &DayPlan, from: i64, to: i64, auction: u64, rng: &mut Rng, out: &mut Vec<Trade>) {
    let mut times = [rng.int(from + 2_000, to - 20_000), rng.int(from + 2_000, to - 20_000)];
    times.sort_unstable();
    if times[0] == times[1] {
        times[1] += 1;
    }
    let rises = plan.opening_close > plan.open;
    let (first, second) =
        if rises { (plan.opening_low, plan.opening_high) } else { (plan.opening_high, plan.opening_low) };
    let touches = vec![
        Touch::at(from, plan.open),
        Touch::at(times[0], first),
        Touch::at(times[1], second),
        Touch::at(to - 1, plan.opening_close),
    ];
    let volume = plan.opening_volume - auction;
    Segment {
        from,
        to: to - 2,
        touches,
        low: plan.opening_low,
        high: plan.opening_high,
        volume,
        count: (volume / 230) as usize,
        noise: plan.range * 0.02,
        odd_share: 0.44,
        busy: vec![(from, 14.0), (from + 2_000, 4.0), (from + MINUTE_MS, 1.2), (to, 1.0)],
        base: Conditions::NONE,
        still: None,
    }
    .emit(rng, out);
}

fn rest(plan: &DayPlan, from: i64, to: i64, volume: u64, rng: &mut Rng, out: &mut Vec<Trade>) {
    let (mut touches, still) = course(plan, from, to, rng);
    touches.insert(0, Touch::at(from, plan.opening_close));
    touches.push(Touch::at(to - 1, plan.close));
    let span = to - from;
    let (low, high) = match plan.role {
        Role::Stalls => (plan.low, plan.opening_high - 1),
        _ => (plan.low, plan.high),
    };
    Segment {
        from: from + 1,
        to: to - 2,
        touches,
        low,
        high,
        volume,
        count: (volume / 330) as usize,
        noise: plan.range * 0.012,
        odd_share: 0.44,
        busy: vec![
            (from, 3.4),
            (from + span / 12, 2.2),
            (from + span / 4, 1.1),
            (from + span / 2, 0.8),
            (from + span * 11 / 12, 1.6),
            (to, 3.2),
        ],
        base: Conditions::NONE,
        still,
    }
    .emit(rng, out);
}

/// Where the price must be between the opening range and the close, and a span kept free of other prints.
fn course(plan: &DayPlan, from: i64, to: i64, rng: &mut Rng) -> (Vec<Touch>, Option<(i64, i64)>) {
    let span = to - from;
    let top = plan.opening_high;
    // Just above where an entry stop a tick or 2 % of the range above the opening high would sit.
    let buffer = (plan.range * 0.02).min(top as f64 * 0.0005).max(1.0).round() as i64;
    let hover = top + buffer;
    let breaks_at = from + rng.int(2 * MINUTE_MS, 22 * MINUTE_MS);
    let pullback = Touch::at(breaks_at - MINUTE_MS - 1_000, i64::midpoint(plan.opening_close, plan.opening_low));
    let mut touches = vec![pullback, Touch::at(breaks_at - 1_500, top - 1)];
    match plan.role {
        Role::Breakout => {
            touches.push(Touch::at(breaks_at, hover));
            touches.push(Touch::at(breaks_at + 25_000, hover + 1));
            touches.push(Touch::at(breaks_at + 4 * MINUTE_MS, hover + share(plan.high - hover, 0.35)));
            let peak = rng.int(from + span / 4, from + span * 9 / 10);
            touches.push(Touch::at(peak, plan.high));
            (touches, None)
        }
        Role::Reversal => {
            touches.push(Touch::at(breaks_at, hover));
            touches.push(Touch::at(breaks_at + 30_000, hover + 1));
            touches.push(Touch::at(breaks_at + 45_000, plan.high));
            touches.push(Touch::at(breaks_at + 9 * MINUTE_MS, plan.opening_low));
            touches.push(Touch::at(rng.int(from + span / 5, from + span * 9 / 10), plan.low));
            (touches, None)
        }
        Role::Thin => {
            for step in 0..24 {
                touches.push(Touch::lot(breaks_at + step * 70, top - 1 + step, 100));
            }
            let after = breaks_at + 24 * 70;
            touches.push(Touch::at(after + 20_000, top + 23 + share(plan.high - top - 23, 0.4).max(0)));
            touches.push(Touch::at(rng.int(from + span / 4, from + span * 9 / 10), plan.high));
            (touches, Some((breaks_at - 1_400, after + 1_000)))
        }
        Role::Quiet | Role::Bearish | Role::Stalls | Role::GapDown => (wander(plan, from, span, rng), None),
    }
}

/// A bridge from the opening range's close to the day's, through its high and low where these are still to come.
fn wander(plan: &DayPlan, from: i64, span: i64, rng: &mut Rng) -> Vec<Touch> {
    let mut touches = Vec::new();
    let (low, high) = (plan.low + 1, plan.high.min(if plan.role.gaps() { plan.opening_high } else { plan.high }) - 1);
    let steps = 9;
    let mut walk = 0.0;
    for step in 1..steps {
        let part = f64::from(step) / f64::from(steps);
        walk = walk * 0.7 + rng.normal() * plan.range * 0.12;
        let on_line = plan.opening_close as f64 + (plan.close - plan.opening_close) as f64 * part;
        let price = ((on_line + walk * (1.0 - part)).round() as i64).clamp(low, high.max(low));
        touches.push(Touch::at(from + (span as f64 * part) as i64 + rng.int(-60_000, 60_000), price));
    }
    if plan.high > plan.opening_high {
        touches.push(Touch::at(from + rng.int(span / 10, span * 9 / 10), plan.high));
    }
    if plan.low < plan.opening_low {
        touches.push(Touch::at(from + rng.int(span / 10, span * 9 / 10), plan.low));
    }
    touches
}

fn postmarket(plan: &DayPlan, from: i64, to: i64, rng: &mut Rng, out: &mut Vec<Trade>) {
    let count = rng.int(4, 18) as usize;
    let near = (plan.close / 400).max(2);
    Segment {
        from,
        to: to - 60_000,
        touches: vec![Touch::at(from, plan.close), Touch::at(to - 59_000, plan.close + rng.int(-near, near))],
        low: (plan.close - near).max(100),
        high: plan.close + near,
        volume: count as u64 * 120,
        count,
        noise: near as f64 * 0.3,
        odd_share: 0.6,
        busy: vec![(from, 4.0), (to, 1.0)],
        base: Conditions::FORM_T,
        still: None,
    }
    .emit(rng, out);
}

fn share(distance: i64, part: f64) -> i64 {
    (distance as f64 * part).round() as i64
}
