//! How many shares: the smallest of what every cap allows.

use super::{Cap, SizingTerm};
use crate::money::{Micro, MoneyError, Price, Usd, div_round};
use crate::plan::TradePlan;
use crate::strategy::RiskProfile;

/// The account as far as sizing needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Means {
    /// Equity the percentages are of.
    pub equity: Usd,
    /// What could be bought when the day opened.
    pub buying_power: Usd,
    /// Reserved by open plans, at their entry limits.
    pub reserved: Usd,
    /// The same, of the plan's sector.
    pub reserved_in_sector: Usd,
}

/// A size and how it came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Size {
    /// Shares; zero when a cap leaves none.
    pub quantity: u64,
    /// The cap that decided; the first of the smallest.
    pub binding_cap: Cap,
    /// Every term.
    pub terms: Vec<SizingTerm>,
}

/// Sizes `plan`.
///
/// Each of `max_positions` slots may lose `risk_pct_total ÷ max_positions` of equity at its stop; the other caps only
/// make it smaller. Units: shares, rounded down.
/// # Errors
/// `MoneyError::OutOfRange` when a product leaves the fixed-point range.
pub fn size(plan: &TradePlan, profile: &RiskProfile, means: &Means) -> Result<Size, MoneyError> {
    let price = plan.entry.limit.max(plan.entry.trigger);
    let Means { equity, buying_power, reserved, reserved_in_sector } = *means;
    let risk_cash = percent(equity, profile.risk_pct_total)?.scaled(
        1,
        i64::from(profile.max_positions).max(1),
        "cash at risk per slot",
    )?;
    let notional = percent(equity, profile.max_position_pct)?;
    let gross = times(equity, profile.gross_cap)?.minus(reserved, "gross exposure left")?;
    let power = times(buying_power, profile.buying_power_fraction)?.minus(reserved, "buying power left")?;
    let liquidity =
        fraction_of(plan.or_volume, profile.or_volume_fraction).min(fraction_of(plan.adv_14, profile.adv_fraction));
    let mut terms = vec![
        term(
            Cap::Risk,
            risk_cash.shares_at(plan.stop_distance),
            format!("{risk_cash} USD at risk ÷ {} stop", plan.stop_distance),
        ),
        term(Cap::Notional, notional.shares_at(price), format!("{notional} USD ÷ {price}")),
        term(Cap::Gross, gross.shares_at(price), format!("{gross} USD left ÷ {price}")),
        term(Cap::BuyingPower, power.shares_at(price), format!("{power} USD left ÷ {price}")),
        term(
            Cap::Liquidity,
            liquidity,
            format!(
                "least of {} × {} range and {} × {} average day",
                profile.or_volume_fraction, plan.or_volume, profile.adv_fraction, plan.adv_14
            ),
        ),
    ];
    terms.push(if let Some(sector) = &plan.sector {
        let left = times(equity, profile.sector_cap)?.minus(reserved_in_sector, "sector exposure left")?;
        term(Cap::Sector, left.shares_at(price), format!("{left} USD left in {sector} ÷ {price}"))
    } else {
        SizingTerm { cap: Cap::Sector, quantity: None, detail: "sector not known".to_owned() }
    });
    let by_notional = profile.order_notional_max.shares_at(price);
    terms.push(term(
        Cap::FatFinger,
        profile.order_quantity_max.min(by_notional),
        format!("least of {} shares and {} USD ÷ {price}", profile.order_quantity_max, profile.order_notional_max),
    ));
    let smallest = terms.iter().filter_map(|t| t.quantity.map(|q| (q, t.cap))).min_by_key(|(q, _)| *q);
    let (quantity, binding_cap) = smallest.unwrap_or((0, Cap::Risk));
    Ok(Size { quantity, binding_cap, terms })
}

/// Cash lost when `quantity` shares are stopped out exactly at their stop.
pub fn risk_of(plan: &TradePlan, quantity: u64) -> Result<Usd, MoneyError> {
    plan.stop_distance.notional(quantity)
}

fn term(cap: Cap, quantity: u64, detail: String) -> SizingTerm {
    SizingTerm { cap, quantity: Some(quantity), detail }
}

/// `amount × rate per cent`, rounded toward zero.
pub(super) fn percent(amount: Usd, rate: Micro) -> Result<Usd, MoneyError> {
    amount.scaled(rate.micros(), 100_000_000, "per cent of equity")
}

fn times(amount: Usd, factor: Micro) -> Result<Usd, MoneyError> {
    amount.scaled(factor.micros(), 1_000_000, "multiple of equity")
}

fn fraction_of(volume: u64, fraction: Micro) -> u64 {
    let product = i128::from(volume) * i128::from(fraction.micros());
    u64::try_from(product / 1_000_000).unwrap_or(0)
}

/// `amount ÷ whole`, per cent, rounded.
pub(super) fn percent_of(amount: Usd, whole: Usd) -> Micro {
    Micro::ratio(amount.nanos(), whole.nanos(), 100).unwrap_or_default()
}

/// Profit or loss in units of what was at risk.
pub fn r_multiple(pnl: Usd, quantity: u64, stop_distance: Price) -> Micro {
    let risk = i128::from(stop_distance.nanos()) * i128::from(quantity);
    div_round(i128::from(pnl.nanos()) * 1_000_000, risk)
        .and_then(|v| i64::try_from(v).ok())
        .map_or_else(Micro::default, Micro::from_micros)
}
