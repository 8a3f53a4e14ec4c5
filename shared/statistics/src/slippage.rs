//! What worse prices than planned cost, by the leg that met them.

use domain::{Micro, Usd};
use serde::Serialize;

use crate::trades::{mean_r, total_r};
use crate::{ClosedTrade, as_number, sum_usd};

/// The slippage of trades; above zero is worse than planned.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Slippage {
    /// Mean of the trades, R.
    pub mean_r: Option<f64>,
    /// Worst trade, R.
    pub worst_r: Option<f64>,
    /// Sum, R.
    pub total_r: f64,
    /// Sum, USD.
    #[serde(serialize_with = "as_number")]
    pub total_usd: Usd,
    /// By leg: `entry` and `stop`; targets and other exits have no planned price that they could miss.
    pub by_leg: Vec<LegSlippage>,
}

/// The slippage of one leg, in R of the whole trade.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LegSlippage {
    /// `entry` or `stop`.
    pub leg: &'static str,
    /// Trades in which the leg filled.
    pub trades: usize,
    /// Mean of them, R.
    pub mean_r: Option<f64>,
    /// Worst of them, R.
    pub worst_r: Option<f64>,
    /// Sum, R.
    pub total_r: f64,
}

impl Slippage {
    pub(crate) fn of(trades: &[&ClosedTrade]) -> Self {
        Self {
            mean_r: mean_r(trades, |t| t.slippage_r),
            worst_r: trades.iter().map(|t| t.slippage_r).max().map(Micro::to_f64),
            total_r: total_r(trades.iter().map(|t| t.slippage_r)),
            total_usd: sum_usd(trades.iter().map(|t| t.slippage)),
            by_leg: vec![
                LegSlippage::of("entry", trades.iter().filter_map(|t| t.entry_slippage_r)),
                LegSlippage::of("stop", trades.iter().filter_map(|t| t.stop_slippage_r)),
            ],
        }
    }
}

impl LegSlippage {
    fn of(leg: &'static str, slipped: impl Iterator<Item = Micro>) -> Self {
        let slipped: Vec<Micro> = slipped.collect();
        let total_r = total_r(slipped.iter().copied());
        Self {
            leg,
            trades: slipped.len(),
            mean_r: (!slipped.is_empty()).then(|| total_r / slipped.len() as f64),
            worst_r: slipped.iter().max().map(|r| r.to_f64()),
            total_r,
        }
    }
}
