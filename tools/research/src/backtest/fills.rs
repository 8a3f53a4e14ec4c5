//! What an order trades at against a print: spread, slippage, participation.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, bail};
use domain::execution::OrderType;
use domain::plan::Side;
use domain::{Micro, Price};

/// A distance from the printed price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distance {
    /// Valid ticks at that price.
    Ticks(i64),
    /// 1e-6 of the price.
    Parts(i64),
    /// 1e-6 of the spread.
    OfSpread(i64),
}

impl FromStr for Distance {
    type Err = anyhow::Error;

    /// `ticks:1`, `bps:2.5` or `spread:0.5`.
    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (unit, amount) =
            text.split_once(':').with_context(|| format!("`{text}` is not ticks:N, bps:N or spread:F"))?;
        let parts: Micro = amount.parse().with_context(|| format!("`{text}`"))?;
        if parts < Micro::default() {
            bail!("`{text}` is negative");
        }
        match unit {
            "ticks" if parts.micros() % 1_000_000 == 0 => Ok(Self::Ticks(parts.micros() / 1_000_000)),
            "bps" => Ok(Self::Parts(parts.micros() / 10_000)),
            "spread" => Ok(Self::OfSpread(parts.micros())),
            _ => bail!("`{text}` is not ticks:N (a whole number), bps:N or spread:F"),
        }
    }
}

impl fmt::Display for Distance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ticks(count) => write!(f, "ticks:{count}"),
            Self::Parts(parts) => write!(f, "bps:{}", Micro::from_micros(parts * 10_000)),
            Self::OfSpread(parts) => write!(f, "spread:{}", Micro::from_micros(*parts)),
        }
    }
}

impl Distance {
    fn at(self, price: Price, spread: Price) -> Price {
        let part = |of: Price, parts: i64| {
            let nanos = i128::from(of.nanos()) * i128::from(parts) / 1_000_000;
            Price::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
        };
        match self {
            Self::Ticks(count) => Price::from_nanos(price.tick().nanos().saturating_mul(count)),
            Self::Parts(parts) => part(price, parts),
            Self::OfSpread(parts) => part(spread, parts),
        }
    }
}

/// How prints fill orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FillModel {
    /// Between bid and ask, around the print; half of it is paid by whoever takes.
    pub spread: Distance,
    /// On top of half the spread.
    pub slippage: Distance,
    /// Part of a print's shares that our orders may have, per cent.
    pub participation_pct: u64,
    /// From sending an order until it works, nanoseconds.
    pub latency: i64,
}

/// What one order wants of the market.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub order_type: OrderType,
    pub side: Side,
    pub limit: Option<Price>,
    /// The limit was through the market when the order began to work: it takes, it does not wait.
    pub marketable: bool,
}

impl FillModel {
    /// Shares of a print of `size` that our orders may have: at least one.
    pub fn capacity(&self, size: u32) -> u64 {
        (u64::from(size) * self.participation_pct / 100).max(1)
    }

    /// What one share trades at for whoever takes it against a print at `price`.
    pub fn taken_at(&self, side: Side, price: Price) -> Price {
        let spread = match self.spread {
            Distance::OfSpread(_) => price.tick(),
            distance => distance.at(price, Price::ZERO),
        };
        let worse = spread.nanos() / 2 + self.slippage.at(price, spread).nanos();
        let exact = Price::from_nanos(price.nanos().saturating_add(side.sign() * worse));
        match side {
            Side::Buy => exact.ceil_to_tick(),
            Side::Sell => exact.floor_to_tick().max(Price::from_nanos(exact.tick().nanos())),
        }
    }

    /// What an elected order trades at against a print at `price`; `None` when it does not.
    ///
    /// A stop that was gapped through takes the print, however far beyond its stop price. A limit is never passed: one
    /// that waits trades at its own price once a print reaches it, one that takes pays spread and slippage within it.
    pub(super) fn price(&self, wish: &Wish, price: Price) -> Option<Price> {
        let taken = self.taken_at(wish.side, price);
        let within = |price: Price, limit: Price| match wish.side {
            Side::Buy => price <= limit,
            Side::Sell => price >= limit,
        };
        match (wish.order_type, wish.limit) {
            (OrderType::Market | OrderType::Stop, _) => Some(taken),
            (OrderType::StopLimit, Some(limit)) => within(taken, limit).then_some(taken),
            (OrderType::Limit, Some(limit)) if wish.marketable && within(taken, limit) => Some(taken),
            (OrderType::Limit, Some(limit)) => within(price, limit).then_some(limit),
            (OrderType::Limit | OrderType::StopLimit, None) => None,
        }
    }

    /// True when `price` elects a stop of `side` at `stop`.
    pub fn elects(side: Side, stop: Price, price: Price) -> bool {
        match side {
            Side::Buy => price >= stop,
            Side::Sell => price <= stop,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    fn model(spread: &str, slippage: &str) -> FillModel {
        let distance = |text: &str| text.parse().unwrap();
        FillModel { spread: distance(spread), slippage: distance(slippage), participation_pct: 10, latency: 0 }
    }

    #[test]
    fn takers_pay_half_the_spread_and_the_slippage() {
        let check = |spread, slippage, side, want: &str| {
            assert_eq!(model(spread, slippage).taken_at(side, price("50.00")), price(want), "{spread} {slippage}");
        };
        check("ticks:2", "ticks:0", Side::Buy, "50.01");
        check("ticks:2", "ticks:1", Side::Sell, "49.98");
        check("bps:4", "spread:0.5", Side::Buy, "50.02");
        check("ticks:1", "ticks:0", Side::Buy, "50.01");
    }

    #[test]
    fn limits_hold_and_stops_take_the_gap() {
        let m = model("ticks:2", "ticks:0");
        let wish = |order_type, side, limit: Option<&str>, marketable| Wish {
            order_type,
            side,
            limit: limit.map(price),
            marketable,
        };
        let stop_limit = wish(OrderType::StopLimit, Side::Buy, Some("50.05"), false);
        assert_eq!(m.price(&stop_limit, price("50.04")), Some(price("50.05")));
        assert_eq!(m.price(&stop_limit, price("50.05")), None, "half the spread would pass the limit");
        let stop = wish(OrderType::Stop, Side::Sell, None, false);
        assert_eq!(m.price(&stop, price("47.00")), Some(price("46.99")));
        let waits = wish(OrderType::Limit, Side::Sell, Some("51.00"), false);
        assert_eq!(m.price(&waits, price("51.40")), Some(price("51.00")));
        assert_eq!(m.price(&waits, price("50.99")), None);
        let takes = wish(OrderType::Limit, Side::Sell, Some("49.50"), true);
        assert_eq!(m.price(&takes, price("50.00")), Some(price("49.99")));
    }

    #[test]
    fn a_distance_without_a_unit_is_refused() {
        for text in ["1", "ticks:0.5", "pips:1", "bps:-1", "bps:x"] {
            assert!(text.parse::<Distance>().is_err(), "{text}");
        }
    }
}
