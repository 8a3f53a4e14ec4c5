//! Statistics of single trades.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// A finished trade, as far as statistics need it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trade {
    /// The symbol.
    pub symbol: String,
    /// New York hour of the entry.
    pub hour: u32,
    /// Gap of the open, per cent.
    pub gap_pct: Option<f64>,
    /// Profit or loss after costs, USD.
    pub pnl: f64,
    /// Costs, USD.
    pub fees: f64,
    /// Profit or loss after costs in units of what was at risk.
    pub r: f64,
    /// How much worse than planned the fills of entry and stop were, in the same units.
    pub slippage_r: f64,
}

/// Trades of one kind together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// Which kind.
    pub key: String,
    /// How many.
    pub trades: usize,
    /// Share with a profit.
    pub win_rate: f64,
    /// Profit or loss after costs, USD.
    pub pnl: f64,
    /// Mean R.
    pub expectancy_r: f64,
}

/// The spread of R over trades.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RDistribution {
    /// Standard deviation of a sample.
    pub deviation: Option<f64>,
    /// Lowest.
    pub min: f64,
    /// Quartiles, by linear interpolation.
    pub p25: f64,
    /// Half of the trades did better.
    pub median: f64,
    /// Quartiles, by linear interpolation.
    pub p75: f64,
    /// Highest.
    pub max: f64,
}

/// What the trades amount to; `None` where a number is not defined.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TradeStatistics {
    /// How many trades.
    pub trades: usize,
    /// Trades with a profit after costs.
    pub wins: usize,
    /// Share of them.
    pub win_rate: Option<f64>,
    /// Profit or loss after costs, USD.
    pub net_pnl: f64,
    /// Costs, USD.
    pub fees: f64,
    /// Profits over losses, both after costs.
    pub profit_factor: Option<f64>,
    /// Mean profit or loss of a trade after costs, USD.
    pub expectancy_usd: Option<f64>,
    /// Mean R.
    pub expectancy_r: Option<f64>,
    /// Mean R of the winners.
    pub win_r: Option<f64>,
    /// Mean R of the others.
    pub loss_r: Option<f64>,
    /// Mean slippage of a trade, R.
    pub slippage_r: Option<f64>,
    /// The spread of R.
    pub r: Option<RDistribution>,
    /// By symbol.
    pub by_symbol: Vec<Group>,
    /// By New York hour of the entry.
    pub by_hour: Vec<Group>,
    /// By size of the gap.
    pub by_gap: Vec<Group>,
}

impl TradeStatistics {
    /// Of `trades`.
    pub fn of(trades: &[Trade]) -> Self {
        let (won, lost): (Vec<&Trade>, Vec<&Trade>) = trades.iter().partition(|t| t.pnl > 0.0);
        let sum = |of: &[&Trade], field: fn(&Trade) -> f64| of.iter().fold(0.0, |sum, t| sum + field(t));
        let mean = |of: &[&Trade], field: fn(&Trade) -> f64| (!of.is_empty()).then(|| sum(of, field) / of.len() as f64);
        let all: Vec<&Trade> = trades.iter().collect();
        let losses = -sum(&lost, |t| t.pnl);
        Self {
            trades: trades.len(),
            wins: won.len(),
            win_rate: (!all.is_empty()).then(|| won.len() as f64 / all.len() as f64),
            net_pnl: sum(&all, |t| t.pnl),
            fees: sum(&all, |t| t.fees),
            profit_factor: (losses > 0.0).then(|| sum(&won, |t| t.pnl) / losses),
            expectancy_usd: mean(&all, |t| t.pnl),
            expectancy_r: mean(&all, |t| t.r),
            win_r: mean(&won, |t| t.r),
            loss_r: mean(&lost, |t| t.r),
            slippage_r: mean(&all, |t| t.slippage_r),
            r: distribution(&all),
            by_symbol: groups(&all, |t| t.symbol.clone()),
            by_hour: groups(&all, |t| format!("{:02}:00", t.hour)),
            by_gap: groups(&all, |t| GapSize::of(t.gap_pct)),
        }
    }
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
    pub fn of(gap_pct: Option<f64>) -> Self {
        match gap_pct.map(f64::abs) {
            None => Self::Unknown,
            Some(gap) if gap < 2.0 => Self::Below2,
            Some(gap) if gap < 4.0 => Self::From2,
            Some(gap) if gap < 6.0 => Self::From4,
            Some(gap) if gap < 10.0 => Self::From6,
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

fn groups<K: Ord + fmt::Display>(trades: &[&Trade], key: impl Fn(&Trade) -> K) -> Vec<Group> {
    let mut by_key: BTreeMap<K, Vec<&Trade>> = BTreeMap::new();
    for trade in trades {
        by_key.entry(key(trade)).or_default().push(trade);
    }
    let group = |(key, of): (K, Vec<&Trade>)| {
        let n = of.len() as f64;
        Group {
            key: key.to_string(),
            trades: of.len(),
            win_rate: of.iter().filter(|t| t.pnl > 0.0).count() as f64 / n,
            pnl: of.iter().map(|t| t.pnl).sum(),
            expectancy_r: of.iter().map(|t| t.r).sum::<f64>() / n,
        }
    };
    by_key.into_iter().map(group).collect()
}

fn distribution(trades: &[&Trade]) -> Option<RDistribution> {
    let mut r: Vec<f64> = trades.iter().map(|t| t.r).collect();
    r.sort_by(f64::total_cmp);
    let (min, max) = (*r.first()?, *r.last()?);
    let n = r.len() as f64;
    let mean = r.iter().sum::<f64>() / n;
    let variance = r.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let quantile = |part: f64| {
        let place = part * (n - 1.0);
        let below = r[place.floor() as usize];
        below + (r[place.ceil() as usize] - below) * place.fract()
    };
    let deviation = (r.len() > 1).then(|| variance.sqrt());
    Some(RDistribution { deviation, min, p25: quantile(0.25), median: quantile(0.5), p75: quantile(0.75), max })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trade(symbol: &str, hour: u32, gap_pct: f64, r: f64) -> Trade {
        let symbol = symbol.to_owned();
        Trade { symbol, hour, gap_pct: Some(gap_pct), pnl: r * 100.0, fees: 1.0, r, slippage_r: 0.1 }
    }

    #[test]
    fn trades_are_counted_by_outcome_and_kind() {
        let s = TradeStatistics::of(&[
            trade("GME", 9, 5.0, 3.0),
            trade("GME", 10, -12.0, -1.0),
            trade("AMC", 9, 4.0, -1.0),
            trade("AMC", 9, 4.0, 0.5),
        ]);
        assert_eq!((s.trades, s.wins, s.win_rate, s.net_pnl), (4, 2, Some(0.5), 150.0));
        assert_eq!(
            (s.profit_factor, s.expectancy_r, s.win_r, s.loss_r),
            (Some(1.75), Some(0.375), Some(1.75), Some(-1.0))
        );
        let r = s.r.unwrap();
        assert_eq!((r.min, r.p25, r.median, r.p75, r.max), (-1.0, -1.0, -0.25, 1.125, 3.0));
        let keys = |groups: &[Group]| groups.iter().map(|g| format!("{} {}", g.key, g.trades)).collect::<Vec<_>>();
        assert_eq!(keys(&s.by_symbol), ["AMC 2", "GME 2"]);
        assert_eq!(keys(&s.by_hour), ["09:00 3", "10:00 1"]);
        assert_eq!(keys(&s.by_gap), ["4 to 6 % 3", "10 % and more 1"]);
    }
}
