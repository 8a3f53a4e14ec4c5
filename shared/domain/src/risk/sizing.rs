//! How many shares: the smallest of what every cap allows.

use super::margin::{Reserved, exposure_price, maintenance, reserve_price};
use super::profile::{RiskBasis, RiskProfile};
use super::{Cap, SizingTerm};
use crate::money::{Micro, MoneyError, Price, Usd};
use crate::plan::TradePlan;

/// The account as far as sizing needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Means {
    /// Equity the percentages are of.
    pub equity: Usd,
    /// What could be bought when the day opened.
    pub buying_power: Usd,
    /// Tied up by open plans.
    pub reserved: Reserved,
    /// Exposure of the open plans of the plan's sector.
    pub exposure_in_sector: Usd,
    /// The broker's maintenance requirement of the asset, per cent, where known.
    pub asset_margin: Option<Micro>,
    /// The best offer, where known; shorts are reserved above it.
    pub ask: Option<Price>,
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

impl Size {
    /// The binding term's formula with its numbers.
    pub fn binding_detail(&self) -> &str {
        self.terms.iter().find(|t| t.cap == self.binding_cap).map_or("", |t| t.detail.as_str())
    }
}

/// Sizes `plan`.
///
/// A position may lose `risk_pct_total` of its `risk_basis` at its stop; the other caps only make it smaller. Units:
/// shares, rounded down.
/// # Errors
/// `MoneyError::OutOfRange` when a product leaves the fixed-point range.
pub fn size(plan: &TradePlan, profile: &RiskProfile, means: &Means) -> Result<Size, MoneyError> {
    let price = exposure_price(plan);
    let reserve = reserve_price(plan, means.ask)?;
    let margin = maintenance(plan.side, price, means.asset_margin)?;
    let Means { equity, buying_power, reserved, .. } = *means;
    let stop = plan.stop_distance;
    let risk_cash = risk_cash(profile, equity)?;
    let gross = times(equity, profile.gross_cap)?.minus(reserved.exposure, "gross exposure left")?;
    let power =
        times(buying_power, profile.buying_power_fraction)?.minus(reserved.buying_power, "buying power left")?;
    let free = equity.minus(reserved.margin, "margin left")?;
    let by_range = fraction_of(plan.or_volume, profile.or_volume_fraction)?;
    let by_day = fraction_of(plan.adv_14, profile.adv_fraction)?;
    let by_notional = profile.order_notional_max.shares_at(price);
    let broker = percent(equity, profile.broker_position_pct)?;
    let notional = percent(equity, profile.max_position_pct)?;
    let terms = vec![
        term(Cap::Risk, risk_cash.shares_at(stop), format!("{risk_cash} USD at risk ÷ {stop} stop")),
        term(Cap::Notional, notional.shares_at(price), format!("{notional} USD ÷ {price}")),
        term(Cap::Gross, gross.shares_at(price), format!("{gross} USD left ÷ {price}")),
        term(Cap::BuyingPower, power.shares_at(reserve), format!("{power} USD left ÷ {reserve} reserved")),
        term(
            Cap::Liquidity,
            by_range.min(by_day),
            format!(
                "least of {} × {} range and {} × {} average day",
                profile.or_volume_fraction, plan.or_volume, profile.adv_fraction, plan.adv_14
            ),
        ),
        sector(plan, profile, means, price)?,
        term(
            Cap::FatFinger,
            profile.order_quantity_max.min(by_notional),
            format!("least of {} shares and {} USD ÷ {price}", profile.order_quantity_max, profile.order_notional_max),
        ),
        term(Cap::Margin, free.shares_at(margin), format!("{free} USD free ÷ {margin} margin")),
        term(Cap::BrokerPosition, broker.shares_at(price), format!("{broker} USD ÷ {price}")),
    ];
    let smallest = terms.iter().filter_map(|t| t.quantity.map(|q| (q, t.cap))).min_by_key(|(q, _)| *q);
    let (quantity, binding_cap) = smallest.unwrap_or((0, Cap::Risk));
    Ok(Size { quantity, binding_cap, terms })
}

/// Cash that one position may lose at its stop.
///
/// # Errors
/// `MoneyError::OutOfRange`.
pub fn risk_cash(profile: &RiskProfile, equity: Usd) -> Result<Usd, MoneyError> {
    let slots = i64::from(profile.max_positions).max(1);
    let slot = |capital: Usd| percent(capital, profile.risk_pct_total)?.scaled(1, slots, "cash at risk per slot");
    match profile.risk_basis {
        RiskBasis::Slot => slot(equity),
        RiskBasis::DeployedCapital => slot(times(equity, profile.gross_cap)?),
        RiskBasis::Equity => percent(equity, profile.risk_pct_total),
    }
}

/// Cash lost when `quantity` shares are stopped out exactly at their stop.
///
/// # Errors
/// `MoneyError::OutOfRange`.
pub fn risk_of(plan: &TradePlan, quantity: u64) -> Result<Usd, MoneyError> {
    plan.stop_distance.notional(quantity)
}

fn sector(plan: &TradePlan, profile: &RiskProfile, means: &Means, price: Price) -> Result<SizingTerm, MoneyError> {
    let Some(sector) = &plan.sector else {
        return Ok(SizingTerm { cap: Cap::Sector, quantity: None, detail: "sector not known".to_owned() });
    };
    let left = times(means.equity, profile.sector_cap)?.minus(means.exposure_in_sector, "sector exposure left")?;
    Ok(term(Cap::Sector, left.shares_at(price), format!("{left} USD left in {sector} ÷ {price}")))
}

fn term(cap: Cap, quantity: u64, detail: String) -> SizingTerm {
    SizingTerm { cap, quantity: Some(quantity), detail }
}

/// `amount × rate per cent`, rounded toward zero.
fn percent(amount: Usd, rate: Micro) -> Result<Usd, MoneyError> {
    amount.scaled(rate.micros(), 100_000_000, "per cent of equity")
}

fn times(amount: Usd, factor: Micro) -> Result<Usd, MoneyError> {
    amount.scaled(factor.micros(), 1_000_000, "multiple of equity")
}

fn fraction_of(volume: u64, fraction: Micro) -> Result<u64, MoneyError> {
    let product = i128::from(volume) * i128::from(fraction.micros());
    u64::try_from(product / 1_000_000).map_err(|_| MoneyError::OutOfRange("part of a volume"))
}
