//! How trading went: what closed trades and sessions amount to. Backtest and recorded store compute it here, so that the
//! same trades give the same numbers. Statistics only; no order is computed from them.
//!
//! Data moves: events of a plan → [`Ledger`] → [`ClosedTrade`] → [`TradeStatistics`]; [`SessionResult`] → [`Returns`].
//! Money is summed in fixed point; ratios are floats, `None` where they are not defined.

mod groups;
mod ledger;
mod ranks;
mod returns;
mod slippage;
mod trades;

use domain::Usd;
use serde::Serializer;

pub use groups::{CatalystScore, GapSize, Group};
pub use ledger::{ClosedTrade, Ledger};
pub use ranks::spearman;
pub use returns::{Returns, SESSIONS_PER_YEAR, SessionResult, drawdowns};
pub use slippage::{LegSlippage, Slippage};
pub use trades::{Bin, RDistribution, TradeStatistics};

/// Exact sum, held at the ends of the range.
fn sum_usd(amounts: impl Iterator<Item = Usd>) -> Usd {
    let nanos: i128 = amounts.map(|usd| i128::from(usd.nanos())).sum();
    Usd::from_nanos(i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX }))
}

/// Statistics are written as numbers.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn as_number<S: Serializer>(usd: &Usd, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(usd.to_f64())
}

/// The same where a number may not be defined.
#[allow(clippy::ref_option, reason = "as serde calls it")]
fn as_number_or_null<S: Serializer>(usd: &Option<Usd>, serializer: S) -> Result<S::Ok, S::Error> {
    match usd {
        Some(usd) => as_number(usd, serializer),
        None => serializer.serialize_none(),
    }
}
