//! What a position ties up at the broker: reserve price of its entry, maintenance margin of its shares.

use crate::money::{Micro, MoneyError, Price, Usd};
use crate::plan::{Side, TradePlan};

/// The worst price an entry may fill at: what positions and pending entries are counted with.
pub fn exposure_price(plan: &TradePlan) -> Price {
    plan.entry.limit.max(plan.entry.trigger)
}

/// The price at which the broker takes an entry off the buying power: a buy at its limit, a short at the higher of its
/// limit and 3 % above the ask. Without a quote the trigger, below which a short's ask cannot be yet, stands for it.
///
/// # Errors
/// `MoneyError::OutOfRange`.
/// # Source
/// Alpaca, "Orders": buying power of opening orders.
pub fn reserve_price(plan: &TradePlan, ask: Option<Price>) -> Result<Price, MoneyError> {
    match plan.side {
        Side::Buy => Ok(exposure_price(plan)),
        Side::Sell => {
            let ask = ask.unwrap_or(plan.entry.trigger).scaled(103, 100, "ask and 3 per cent")?;
            Ok(exposure_price(plan).max(ask))
        }
    }
}

/// Equity that each share ties up while held, USD per share. `asset` is the broker's own requirement of the asset, per
/// cent, where known; a short never ties up less than the dollar amount of the table.
///
/// | | price | per share |
/// |---|---|---|
/// | long | from $2.50 | 30 % |
/// | long | below | 100 % |
/// | short | from $5 | the greater of $5 and 30 % |
/// | short | below | the greater of $2.50 and 100 % |
///
/// # Errors
/// `MoneyError::OutOfRange`.
/// # Source
/// FINRA 4210; Alpaca's margin page of April 2025.
pub fn maintenance(side: Side, price: Price, asset: Option<Micro>) -> Result<Price, MoneyError> {
    let (percent, least) = match side {
        Side::Buy if price >= Price::from_cents(250) => (30, Price::ZERO),
        Side::Buy => (100, Price::ZERO),
        Side::Sell if price >= Price::from_cents(500) => (30, Price::from_cents(500)),
        Side::Sell => (100, Price::from_cents(250)),
    };
    let percent = asset.unwrap_or(Micro::from_int(percent));
    Ok(price.scaled(percent.micros(), 100_000_000, "maintenance margin")?.max(least))
}

/// What an open plan ties up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Reserved {
    /// Shares at the worst entry price.
    pub exposure: Usd,
    /// Shares at the broker's reserve price.
    pub buying_power: Usd,
    /// Maintenance margin of the shares.
    pub margin: Usd,
}

impl Reserved {
    /// What `quantity` shares of `plan` tie up.
    ///
    /// # Errors
    /// `MoneyError::OutOfRange`.
    pub fn by(plan: &TradePlan, quantity: u64, ask: Option<Price>, asset: Option<Micro>) -> Result<Self, MoneyError> {
        let exposure = exposure_price(plan);
        Ok(Self {
            exposure: exposure.notional(quantity)?,
            buying_power: reserve_price(plan, ask)?.notional(quantity)?,
            margin: maintenance(plan.side, exposure, asset)?.notional(quantity)?,
        })
    }

    /// Sums each.
    ///
    /// # Errors
    /// `MoneyError::OutOfRange`.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        Ok(Self {
            exposure: self.exposure.plus(other.exposure, "exposure")?,
            buying_power: self.buying_power.plus(other.buying_power, "reserved buying power")?,
            margin: self.margin.plus(other.margin, "margin")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirement_follows_side_and_price_where_the_asset_has_none() {
        let check = |side, price: &str, asset, expected: &str| {
            let required = maintenance(side, price.parse().unwrap(), asset).unwrap();
            assert_eq!(required.to_string(), expected, "{side:?} at {price}");
        };
        check(Side::Buy, "50", None, "15.00");
        check(Side::Buy, "2.50", None, "0.75");
        check(Side::Buy, "2.49", None, "2.49");
        check(Side::Buy, "50", Some(Micro::from_int(75)), "37.50");
        check(Side::Sell, "50", None, "15.00");
        check(Side::Sell, "10", None, "5.00");
        check(Side::Sell, "4.99", None, "4.99");
        check(Side::Sell, "2", None, "2.50");
        check(Side::Sell, "10", Some(Micro::from_int(100)), "10.00");
    }
}
