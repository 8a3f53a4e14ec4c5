//! Statistics of closed trades.

use domain::{Micro, Usd};
use serde::Serialize;

use crate::groups::{CatalystScore, GapSize, Group, groups, hour};
use crate::{ClosedTrade, Slippage, as_number, as_number_or_null, sum_usd};

/// Width of a bin, R.
const BIN: Micro = Micro::from_micros(500_000);
/// R below this, and from this on, is one bin each.
const BINNED: (Micro, Micro) = (Micro::from_int(-5), Micro::from_int(10));

/// The spread of R over trades.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RDistribution {
    /// Standard deviation of a sample; `None` for one trade.
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

/// Trades from one R, it included, to another, it left out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// R; `None` where everything below is meant.
    pub from: Option<f64>,
    /// R; `None` where everything above is meant.
    pub to: Option<f64>,
    /// How many.
    pub trades: usize,
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
    #[serde(serialize_with = "as_number")]
    pub net_pnl: Usd,
    /// Costs, USD.
    #[serde(serialize_with = "as_number")]
    pub fees: Usd,
    /// Profits over losses, both after costs; `None` without a loss.
    pub profit_factor: Option<f64>,
    /// Mean profit or loss of a trade after costs, USD.
    #[serde(serialize_with = "as_number_or_null")]
    pub expectancy_usd: Option<Usd>,
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
    /// How many trades came to how much, without gaps, in steps of half an R.
    pub histogram: Vec<Bin>,
    /// What worse prices than planned cost.
    pub slippage: Slippage,
    /// By symbol.
    pub by_symbol: Vec<Group>,
    /// By New York hour of the entry.
    pub by_hour: Vec<Group>,
    /// By size of the gap.
    pub by_gap: Vec<Group>,
    /// By how much the headlines explain the gap.
    pub by_catalyst: Vec<Group>,
}

impl TradeStatistics {
    /// Of `trades`, in whatever order.
    pub fn of<'a>(trades: impl IntoIterator<Item = &'a ClosedTrade>) -> Self {
        let all: Vec<&ClosedTrade> = trades.into_iter().collect();
        let (won, lost): (Vec<&ClosedTrade>, Vec<&ClosedTrade>) = all.iter().partition(|t| t.pnl > Usd::ZERO);
        let net_pnl = sum_usd(all.iter().map(|t| t.pnl));
        Self {
            trades: all.len(),
            wins: won.len(),
            win_rate: (!all.is_empty()).then(|| won.len() as f64 / all.len() as f64),
            net_pnl,
            fees: sum_usd(all.iter().map(|t| t.fees)),
            profit_factor: profit_factor(&all),
            expectancy_usd: net_pnl.scaled(1, all.len() as i64, "expectancy").ok(),
            expectancy_r: mean_r(&all, |t| t.r),
            win_r: mean_r(&won, |t| t.r),
            loss_r: mean_r(&lost, |t| t.r),
            slippage_r: mean_r(&all, |t| t.slippage_r),
            r: distribution(&all),
            histogram: histogram(&all),
            slippage: Slippage::of(&all),
            by_symbol: groups(&all, |t| t.symbol.to_string()),
            by_hour: groups(&all, hour),
            by_gap: groups(&all, |t| GapSize::of(t.gap_pct)),
            by_catalyst: groups(&all, |t| CatalystScore::of(t.catalyst)),
        }
    }
}

/// Sum of R.
pub(crate) fn total_r(of: impl Iterator<Item = Micro>) -> f64 {
    of.map(|r| i128::from(r.micros())).sum::<i128>() as f64 / 1e6
}

pub(crate) fn mean_r(trades: &[&ClosedTrade], field: impl Fn(&ClosedTrade) -> Micro) -> Option<f64> {
    (!trades.is_empty()).then(|| total_r(trades.iter().map(|t| field(t))) / trades.len() as f64)
}

pub(crate) fn profit_factor(trades: &[&ClosedTrade]) -> Option<f64> {
    let profits = sum_usd(trades.iter().map(|t| t.pnl).filter(|pnl| *pnl > Usd::ZERO));
    let losses = sum_usd(trades.iter().map(|t| t.pnl).filter(|pnl| *pnl < Usd::ZERO));
    (losses < Usd::ZERO).then(|| profits.to_f64() / -losses.to_f64())
}

fn distribution(trades: &[&ClosedTrade]) -> Option<RDistribution> {
    let mut r: Vec<f64> = trades.iter().map(|t| t.r.to_f64()).collect();
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

fn histogram(trades: &[&ClosedTrade]) -> Vec<Bin> {
    let (low, high) = (BINNED.0.micros() / BIN.micros(), BINNED.1.micros() / BIN.micros());
    let step = |t: &&ClosedTrade| t.r.micros().div_euclid(BIN.micros()).clamp(low - 1, high);
    let steps: Vec<i64> = trades.iter().map(step).collect();
    let (Some(first), Some(last)) = (steps.iter().min(), steps.iter().max()) else { return Vec::new() };
    let edge = |at: i64| Micro::from_micros(at * BIN.micros()).to_f64();
    let bin = |at: i64| Bin {
        from: (at >= low).then(|| edge(at)),
        to: (at < high).then(|| edge(at + 1)),
        trades: steps.iter().filter(|step| **step == at).count(),
    };
    (*first..=*last).map(bin).collect()
}

#[cfg(test)]
mod tests {
    use domain::execution::CloseReason;
    use domain::plan::Side;
    use testkit::build::{cents, plan, session};

    use super::*;

    fn trade(symbol: &str, hour: u32, gap_pct: i64, r: &str) -> ClosedTrade {
        let (plan, r) = (plan(symbol), r.parse::<Micro>().unwrap());
        ClosedTrade {
            plan_id: plan.plan_id,
            session_date: session(),
            strategy: plan.round.strategy,
            strategy_version: plan.round.config_version,
            symbol: plan.symbol,
            side: Side::Buy,
            quantity: 1_000,
            entry_at: session().at_hm(hour, 45),
            entry: cents(2_500),
            exit_at: session().at_hm(hour, 55),
            exit: cents(2_500),
            stop_distance: cents(10),
            fees: Usd::from_cents(100),
            pnl: Usd::from_nanos(r.micros() * 100_000),
            r,
            reason: CloseReason::StopLoss,
            slippage_r: Micro::from_micros(100_000),
            entry_slippage_r: Some(Micro::from_micros(60_000)),
            stop_slippage_r: (r < Micro::default()).then(|| Micro::from_micros(40_000)),
            slippage: Usd::from_cents(1_000),
            gap_pct: Some(Micro::from_int(gap_pct)),
            catalyst: Some(Micro::from_int(gap_pct.max(0))),
        }
    }

    fn four() -> [ClosedTrade; 4] {
        [trade("GME", 9, 5, "3"), trade("GME", 10, -12, "-1"), trade("AMC", 9, 4, "-1"), trade("AMC", 9, 4, "0.5")]
    }

    #[test]
    fn trades_are_counted_by_outcome_and_kind() {
        let s = TradeStatistics::of(&four());
        assert_eq!((s.trades, s.wins, s.win_rate, s.net_pnl), (4, 2, Some(0.5), "150".parse().unwrap()));
        assert_eq!(
            (s.profit_factor, s.expectancy_r, s.win_r, s.loss_r),
            (Some(1.75), Some(0.375), Some(1.75), Some(-1.0))
        );
        assert_eq!(s.expectancy_usd, Some("37.5".parse().unwrap()));
        let r = s.r.unwrap();
        assert_eq!((r.min, r.p25, r.median, r.p75, r.max), (-1.0, -1.0, -0.25, 1.125, 3.0));
        let keys = |groups: &[Group]| groups.iter().map(|g| format!("{} {}", g.key, g.trades)).collect::<Vec<_>>();
        assert_eq!(keys(&s.by_symbol), ["AMC 2", "GME 2"]);
        assert_eq!(keys(&s.by_hour), ["09:00 3", "10:00 1"]);
        assert_eq!(keys(&s.by_gap), ["4 to 6 % 3", "10 % and more 1"]);
        assert_eq!(keys(&s.by_catalyst), ["no points 1", "below 10 points 3"]);
        let amc = &s.by_symbol[0];
        assert_eq!((amc.wins, amc.profit_factor, amc.total_r, amc.expectancy_r), (1, Some(0.5), -0.5, -0.25));
    }

    #[test]
    fn bins_have_no_gap_and_far_results_share_one() {
        let results = ["-7", "-5", "-1", "-0.000001", "0", "0.499999", "0.5", "40"].map(|r| trade("GME", 9, 5, r));
        let bins = TradeStatistics::of(&results).histogram;
        let told = |bin: &Bin| (bin.from, bin.to, bin.trades);
        assert_eq!(told(&bins[0]), (None, Some(-5.0), 1));
        assert_eq!(told(&bins[1]), (Some(-5.0), Some(-4.5), 1));
        assert_eq!(told(bins.last().unwrap()), (Some(10.0), None, 1));
        let around: Vec<_> = bins.iter().map(told).filter(|b| b.0 >= Some(-1.0) && b.0 <= Some(0.5)).collect();
        let expected =
            [(-1.0, -0.5, 1), (-0.5, 0.0, 1), (0.0, 0.5, 2), (0.5, 1.0, 1)].map(|(a, b, n)| (Some(a), Some(b), n));
        assert_eq!(around, expected);
        assert_eq!(bins.iter().map(|b| b.trades).sum::<usize>(), results.len());
        assert!(bins.windows(2).all(|pair| pair[0].to == pair[1].from));
    }

    #[test]
    fn slippage_is_told_by_the_leg_that_met_it() {
        let slippage = TradeStatistics::of(&four()).slippage;
        assert_eq!((slippage.mean_r, slippage.worst_r, slippage.total_r), (Some(0.1), Some(0.1), 0.4));
        assert_eq!(slippage.total_usd, Usd::from_cents(4_000));
        let legs: Vec<_> = slippage.by_leg.iter().map(|leg| (leg.leg, leg.trades, leg.total_r)).collect();
        assert_eq!(legs, [("entry", 4, 0.24), ("stop", 2, 0.08)]);
    }

    #[test]
    fn nothing_and_one_trade_leave_undefined_what_needs_more() {
        let none = TradeStatistics::of(&[]);
        assert_eq!((none.trades, none.net_pnl, none.win_rate, none.expectancy_usd), (0, Usd::ZERO, None, None));
        assert_eq!((none.r, none.profit_factor, none.histogram, none.slippage.mean_r), (None, None, vec![], None));
        let one = TradeStatistics::of(&[trade("GME", 9, 5, "2")]);
        assert_eq!((one.profit_factor, one.loss_r, one.win_r), (None, None, Some(2.0)));
        let r = one.r.unwrap();
        assert_eq!((r.deviation, r.min, r.median, r.max), (None, 2.0, 2.0, 2.0));
    }
}
