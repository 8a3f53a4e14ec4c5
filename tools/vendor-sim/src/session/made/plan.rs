//! A day in outline: what the daily bar and the opening five minutes will be. The tape is made to fit it exactly.

use crate::rng::Rng;
use crate::session::made::listing::Character;

/// What a day is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Drifts without news.
    Quiet,
    /// Gaps up, breaks its opening range and runs.
    Breakout,
    /// Breaks its opening range and falls through the stop.
    Reversal,
    /// Breaks out through a ladder of small prints, so that an entry fills in part.
    Thin,
    /// Gaps up on volume but its first five minutes fall.
    Bearish,
    /// Gaps up and never trades above its opening range again.
    Stalls,
    /// Gaps down.
    GapDown,
}

impl Role {
    pub(crate) fn gaps(self) -> bool {
        self != Self::Quiet
    }
}

/// One symbol's day; prices in cents, volumes in shares.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DayPlan {
    pub(crate) role: Role,
    pub(crate) prev_close: i64,
    pub(crate) open: i64,
    pub(crate) high: i64,
    pub(crate) low: i64,
    pub(crate) close: i64,
    pub(crate) opening_high: i64,
    pub(crate) opening_low: i64,
    pub(crate) opening_close: i64,
    /// Regular session with both auctions.
    pub(crate) volume: u64,
    /// 09:30 to 09:35 with the opening auction.
    pub(crate) opening_volume: u64,
    /// A usual day's range.
    pub(crate) range: f64,
}

/// The day after a close of `prev_close` cents; `length` is the session's share of a full one.
pub(crate) fn plan(role: Role, who: &Character, prev_close: i64, length: f64, rng: &mut Rng) -> DayPlan {
    let prev = prev_close as f64;
    let range = prev * who.sigma * 1.15;
    let gap = match role {
        Role::Quiet => (rng.normal() * 0.005).clamp(-0.018, 0.018),
        Role::GapDown => -rng.range(0.043, 0.09),
        _ => 0.043 + 0.07 * rng.unit().powi(2) + if rng.chance(0.15) { 0.035 } else { 0.0 },
    };
    let open = cents(prev * (1.0 + gap));
    let opening = opening(role, open, range, rng);
    let (high, low, close) = rest_of_day(role, who, range, opening, rng);
    let usual = (rng.normal() * 0.22).exp();
    let (busy, share) = match role {
        Role::Quiet => (usual, rng.range(0.032, 0.05)),
        _ => (rng.range(1.7, 3.2), rng.range(0.075, 0.11)),
    };
    let volume = (who.volume * busy * length).round().max(20_000.0);
    DayPlan {
        role,
        prev_close,
        open,
        high,
        low,
        close,
        opening_high: opening.0,
        opening_low: opening.1,
        opening_close: opening.2,
        volume: volume as u64,
        opening_volume: (volume * (share / length).min(0.2)) as u64,
        range,
    }
}

/// High, low and close of the first five minutes.
fn opening(role: Role, open: i64, range: f64, rng: &mut Rng) -> (i64, i64, i64) {
    let o = open as f64;
    let (up, down, close) = match role {
        Role::Quiet => (rng.range(0.02, 0.2), rng.range(0.02, 0.2), rng.range(-0.8, 0.8)),
        Role::Bearish | Role::GapDown => (rng.range(0.08, 0.2), rng.range(0.35, 0.6), -rng.range(0.4, 0.9)),
        _ => (rng.range(0.35, 0.6), rng.range(0.08, 0.2), rng.range(0.4, 0.9)),
    };
    let high = cents(o + up * range).max(open + 3);
    let low = cents(o - down * range).min(open - 3).max(100);
    let span = if close > 0.0 { high - open } else { open - low };
    let step = ((span as f64 * close).round() as i64).clamp(1 - (open - low), high - open - 1);
    let step = if step == 0 { 1 } else { step };
    (high, low, open + step)
}

fn rest_of_day(
    role: Role,
    who: &Character,
    range: f64,
    (or_high, or_low, or_close): (i64, i64, i64),
    rng: &mut Rng,
) -> (i64, i64, i64) {
    let (top, bottom, last) = (or_high as f64, or_low as f64, or_close as f64);
    match role {
        Role::Breakout | Role::Thin => {
            let high = top + range * rng.range(1.0, 2.2);
            (cents(high), or_low, cents(top + (high - top) * rng.range(0.45, 0.9)))
        }
        Role::Reversal => {
            let low = bottom - range * rng.range(0.4, 0.9);
            (cents(top + range * 0.14).max(or_high + 6), cents(low), cents(low + range * rng.range(0.05, 0.3)))
        }
        Role::Stalls => {
            let low = bottom - range * rng.range(0.1, 0.5);
            (or_high, cents(low), cents(low + (last - low) * rng.range(0.2, 0.8)))
        }
        Role::Bearish | Role::GapDown => {
            let low = bottom - range * rng.range(0.2, 0.9);
            (or_high, cents(low), cents(low + range * rng.range(0.05, 0.5)))
        }
        Role::Quiet => {
            // A pull toward the base price keeps a year of days in a plausible band.
            let pull = -0.06 * (last / who.base_cents).ln();
            let close = last * (1.0 + pull + rng.normal() * who.sigma * 0.75);
            let high = top.max(close) * (1.0 + rng.unit() * who.sigma * 0.35);
            let low = bottom.min(close) * (1.0 - rng.unit() * who.sigma * 0.35);
            (cents(high).max(or_high), cents(low).min(or_low), cents(close))
        }
    }
}

fn cents(value: f64) -> i64 {
    (value.round() as i64).max(100)
}

/// Who gaps on one day: indices into the symbols, with what they do.
///
/// Who stands far above the base price already is left out, so that gaps up do not add up over the days.
pub(crate) fn cast(characters: &[Character], closes: &[i64], rng: &mut Rng) -> Vec<(usize, Role)> {
    let affordable = (0..characters.len()).filter(|i| (closes[*i] as f64) < characters[*i].base_cents * 1.4);
    let (mut liquid, mut others): (Vec<usize>, Vec<usize>) = affordable.partition(|i| characters[*i].liquid);
    let mut roles = vec![Role::Breakout, Role::Breakout, Role::Reversal, Role::Thin, Role::Bearish];
    let extra = [Role::Reversal, Role::Stalls, Role::GapDown, Role::Breakout];
    for role in extra {
        if rng.chance(0.5) {
            roles.push(role);
        }
    }
    let mut cast = Vec::new();
    for role in roles {
        if !liquid.is_empty() {
            let at = rng.int(0, liquid.len() as i64) as usize;
            cast.push((liquid.swap_remove(at), role));
        }
    }
    // One that gaps but trades too little to be in play.
    let at = rng.int(0, others.len() as i64) as usize;
    if at < others.len() {
        cast.push((others.swap_remove(at), if rng.chance(0.3) { Role::GapDown } else { Role::Breakout }));
    }
    cast
}
