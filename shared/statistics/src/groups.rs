//! Trades of one kind together.

use std::collections::BTreeMap;
use std::fmt;

use domain::{Micro, Usd};
use serde::Serialize;

use crate::trades::{mean_r, profit_factor, total_r};
use crate::{ClosedTrade, as_number, sum_usd};

/// Trades of one kind together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// Which kind.
    pub key: String,
    /// How many.
    pub trades: usize,
    /// How many with a profit.
    pub wins: usize,
    /// Share of them.
    pub win_rate: f64,
    /// Profit or loss after costs, USD.
    #[serde(serialize_with = "as_number")]
    pub pnl: Usd,
    /// Profits over losses; `None` without a loss.
    pub profit_factor: Option<f64>,
    /// Mean R.
    pub expectancy_r: f64,
    /// Sum of R.
    pub total_r: f64,
    /// Mean slippage, R.
    pub slippage_r: f64,
}

impl Group {
    fn of(key: String, trades: &[&ClosedTrade]) -> Self {
        let wins = trades.iter().filter(|t| t.pnl > Usd::ZERO).count();
        Self {
            key,
            trades: trades.len(),
            wins,
            win_rate: wins as f64 / trades.len() as f64,
            pnl: sum_usd(trades.iter().map(|t| t.pnl)),
            profit_factor: profit_factor(trades),
            // A group has a trade at least.
            expectancy_r: mean_r(trades, |t| t.r).unwrap_or_default(),
            total_r: total_r(trades.iter().map(|t| t.r)),
            slippage_r: mean_r(trades, |t| t.slippage_r).unwrap_or_default(),
        }
    }
}

/// The trades by `key`, in the order of the keys.
pub(crate) fn groups<K: Ord + fmt::Display>(trades: &[&ClosedTrade], key: impl Fn(&ClosedTrade) -> K) -> Vec<Group> {
    let mut by_key: BTreeMap<K, Vec<&ClosedTrade>> = BTreeMap::new();
    for trade in trades {
        by_key.entry(key(trade)).or_default().push(trade);
    }
    by_key.into_iter().map(|(key, of)| Group::of(key.to_string(), &of)).collect()
}

/// The New York hour of the entry.
pub(crate) fn hour(trade: &ClosedTrade) -> String {
    format!("{:02}:00", trade.entry_at.new_york_seconds() / 3_600)
}

/// The size of a gap, either way, smallest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GapSize {
    /// Below 2 %.
    Below2,
    /// From 2 % on.
    From2,
    /// From 4 % on.
    From4,
    /// From 6 % on.
    From6,
    /// From 10 % on.
    From10,
    /// Not known.
    Unknown,
}

impl GapSize {
    /// Of a gap in per cent.
    pub fn of(gap_pct: Option<Micro>) -> Self {
        match gap_pct.map(Micro::abs) {
            None => Self::Unknown,
            Some(gap) if gap < Micro::from_int(2) => Self::Below2,
            Some(gap) if gap < Micro::from_int(4) => Self::From2,
            Some(gap) if gap < Micro::from_int(6) => Self::From4,
            Some(gap) if gap < Micro::from_int(10) => Self::From6,
            Some(_) => Self::From10,
        }
    }
}

impl fmt::Display for GapSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Below2 => "below 2 %",
            Self::From2 => "2 to 4 %",
            Self::From4 => "4 to 6 %",
            Self::From6 => "6 to 10 %",
            Self::From10 => "10 % and more",
            Self::Unknown => "unknown",
        })
    }
}

/// How much the headlines explain a gap, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CatalystScore {
    /// No points.
    None,
    /// Below 10 points.
    Below10,
    /// From 10 points on.
    From10,
    /// From 25 points on.
    From25,
    /// From 50 points on.
    From50,
    /// Not known.
    Unknown,
}

impl CatalystScore {
    /// Of points from 0 to 100.
    pub fn of(points: Option<Micro>) -> Self {
        match points {
            None => Self::Unknown,
            Some(points) if points <= Micro::default() => Self::None,
            Some(points) if points < Micro::from_int(10) => Self::Below10,
            Some(points) if points < Micro::from_int(25) => Self::From10,
            Some(points) if points < Micro::from_int(50) => Self::From25,
            Some(_) => Self::From50,
        }
    }
}

impl fmt::Display for CatalystScore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "no points",
            Self::Below10 => "below 10 points",
            Self::From10 => "10 to 25 points",
            Self::From25 => "25 to 50 points",
            Self::From50 => "50 points and more",
            Self::Unknown => "unknown",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_belong_to_the_larger_kind() {
        let check = |text: &str, gap: &str, catalyst: &str| {
            let value = Some(text.parse::<Micro>().unwrap());
            let found = [GapSize::of(value).to_string(), CatalystScore::of(value).to_string()];
            assert_eq!(found, [gap, catalyst], "{text}");
        };
        check("0", "below 2 %", "no points");
        check("1.999999", "below 2 %", "below 10 points");
        check("-2", "2 to 4 %", "no points");
        check("4", "4 to 6 %", "below 10 points");
        check("10", "10 % and more", "10 to 25 points");
        check("25", "10 % and more", "25 to 50 points");
        check("50", "10 % and more", "50 points and more");
        assert_eq!(GapSize::of(None).to_string(), CatalystScore::of(None).to_string());
    }
}
