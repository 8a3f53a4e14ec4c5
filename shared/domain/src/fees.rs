//! What a trade costs in commission and regulatory fees.
//!
//! Amounts are exact to 1e-9 USD, rounded up, so that the fees of an order's fills add up to the fees of the order.
//! What a broker books in cents is [`Fees::booked`] of a day or an order, see [`FeeRounding`].

use serde::{Deserialize, Serialize};

use crate::money::{Micro, MoneyError, Price, Usd};
use crate::plan::Side;
use crate::strategy::{StrategyError, range};
use crate::time::SessionDate;

/// The costs of trading: the `costs` table of the strategy file.
///
/// `None` of a regulatory fee takes the rate that was in force on the day of the trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct CostProfile {
    /// The broker's commission, USD per share.
    pub commission_per_share: Usd,
    /// Least commission of an order, USD.
    pub commission_min: Usd,
    /// Most commission of an order, per cent of its value; it also bounds `commission_min`.
    pub commission_max_pct: Option<Micro>,
    /// SEC fee, USD per million dollars sold.
    pub sec_fee_per_million: Option<Usd>,
    /// FINRA's trading activity fee, USD per share sold.
    pub taf_per_share: Option<Usd>,
    /// Most trading activity fee of an order, USD.
    pub taf_max: Option<Usd>,
    /// When fractions of a cent are rounded up.
    pub rounding: FeeRounding,
}

/// When the broker rounds fees up to the cent.
///
/// # Source
/// Alpaca, "REG/TAF Fee Updates" of 2021-05-03: each fee's total of the day is rounded up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FeeRounding {
    /// Each item's total of a day; a single order's fees keep their fractions.
    #[default]
    Day,
    /// Each item of each order.
    Order,
}

impl Default for CostProfile {
    /// A broker without commission that passes on the regulatory fees of the day.
    fn default() -> Self {
        Self {
            commission_per_share: Usd::ZERO,
            commission_min: Usd::ZERO,
            commission_max_pct: None,
            sec_fee_per_million: None,
            taf_per_share: None,
            taf_max: None,
            rounding: FeeRounding::Day,
        }
    }
}

/// The items of a fee bill, USD; never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Fees {
    /// The broker's commission.
    pub commission: Usd,
    /// SEC fee on sales, Section 31 of the Exchange Act.
    pub sec: Usd,
    /// FINRA's trading activity fee on sales.
    pub taf: Usd,
}

impl Fees {
    /// Commission, SEC fee and trading activity fee together.
    ///
    /// # Errors
    /// `MoneyError::OutOfRange`.
    pub fn total(&self) -> Result<Usd, MoneyError> {
        self.commission.plus(self.sec, "fees")?.plus(self.taf, "fees")
    }

    /// Sums item by item.
    ///
    /// # Errors
    /// `MoneyError::OutOfRange`.
    pub fn plus(&self, other: &Self) -> Result<Self, MoneyError> {
        self.each(other, Usd::plus)
    }

    /// What the broker books for these fees: each item up to the next cent.
    ///
    /// # Errors
    /// `MoneyError::OutOfRange`.
    pub fn booked(&self) -> Result<Self, MoneyError> {
        Ok(Self {
            commission: self.commission.ceil_to_cent()?,
            sec: self.sec.ceil_to_cent()?,
            taf: self.taf.ceil_to_cent()?,
        })
    }

    fn each(
        &self,
        other: &Self,
        with: impl Fn(Usd, Usd, &'static str) -> Result<Usd, MoneyError>,
    ) -> Result<Self, MoneyError> {
        Ok(Self {
            commission: with(self.commission, other.commission, "commission")?,
            sec: with(self.sec, other.sec, "SEC fee")?,
            taf: with(self.taf, other.taf, "trading activity fee")?,
        })
    }
}

/// What an order has traded so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traded {
    /// Shares.
    pub quantity: u64,
    /// Price × shares, USD.
    pub notional: Usd,
}

impl Traded {
    /// With `quantity` shares at `price` more.
    ///
    /// # Errors
    /// `MoneyError::OutOfRange`.
    pub fn and(&self, quantity: u64, price: Price) -> Result<Self, MoneyError> {
        Ok(Self {
            quantity: self.quantity.checked_add(quantity).ok_or(MoneyError::OutOfRange("traded shares"))?,
            notional: self.notional.plus(price.notional(quantity)?, "traded value")?,
        })
    }
}

impl CostProfile {
    /// No costs at all.
    pub const FREE: Self = Self {
        commission_per_share: Usd::ZERO,
        commission_min: Usd::ZERO,
        commission_max_pct: None,
        sec_fee_per_million: Some(Usd::ZERO),
        taf_per_share: Some(Usd::ZERO),
        taf_max: None,
        rounding: FeeRounding::Day,
    };

    /// The fees of an order of `quantity` shares that filled at `price` on `date`.
    ///
    /// # Errors
    /// `MoneyError::OutOfRange` when the order's value leaves the fixed-point range.
    pub fn of_trade(&self, side: Side, quantity: u64, price: Price, date: SessionDate) -> Result<Fees, MoneyError> {
        self.of_order(side, &Traded::default().and(quantity, price)?, date)
    }

    /// What a fill adds to the fees of its order, which had traded `before`: minimum and caps count once an order.
    ///
    /// # Errors
    /// `MoneyError::OutOfRange`.
    pub fn of_fill(
        &self,
        side: Side,
        before: &Traded,
        quantity: u64,
        price: Price,
        date: SessionDate,
    ) -> Result<Fees, MoneyError> {
        let after = self.of_order(side, &before.and(quantity, price)?, date)?;
        after.each(&self.of_order(side, before, date)?, Usd::minus)
    }

    /// The fees of an order that traded `traded` on `date`.
    ///
    /// # Errors
    /// `MoneyError::OutOfRange`.
    pub fn of_order(&self, side: Side, traded: &Traded, date: SessionDate) -> Result<Fees, MoneyError> {
        if traded.quantity == 0 {
            return Ok(Fees::default());
        }
        let commission = self.commission(traded)?;
        let (sec, taf) = match side {
            Side::Buy => (Usd::ZERO, Usd::ZERO),
            Side::Sell => (self.sec_fee(traded, date)?, self.activity_fee(traded, date)?),
        };
        let fees = Fees { commission, sec, taf };
        match self.rounding {
            FeeRounding::Day => Ok(fees),
            FeeRounding::Order => fees.booked(),
        }
    }

    fn commission(&self, traded: &Traded) -> Result<Usd, MoneyError> {
        let wanted = per_share(self.commission_per_share, traded.quantity, "commission")?.max(self.commission_min);
        match self.commission_max_pct {
            Some(pct) => Ok(wanted.min(traded.notional.scaled(pct.micros(), 100_000_000, "highest commission")?)),
            None => Ok(wanted),
        }
    }

    fn sec_fee(&self, traded: &Traded, date: SessionDate) -> Result<Usd, MoneyError> {
        let rate = self.sec_fee_per_million.unwrap_or_else(|| in_force(&SEC_FEES, date));
        let product = i128::from(traded.notional.nanos()) * i128::from(rate.nanos());
        nanos_up(product, 1_000_000 * i128::from(crate::money::NANOS), "SEC fee")
    }

    fn activity_fee(&self, traded: &Traded, date: SessionDate) -> Result<Usd, MoneyError> {
        let (rate, most) = in_force(&ACTIVITY_FEES, date);
        let fee = per_share(self.taf_per_share.unwrap_or(rate), traded.quantity, "trading activity fee")?;
        Ok(fee.min(self.taf_max.unwrap_or(most)))
    }

    /// Refuses negative amounts.
    ///
    /// # Errors
    /// Names the key, the value and what it may be.
    pub fn validate(&self) -> Result<(), StrategyError> {
        range::usd("costs.commission_per_share", Some(self.commission_per_share))?;
        range::usd("costs.commission_min", Some(self.commission_min))?;
        range::ratio("costs.commission_max_pct", self.commission_max_pct, (0, 100), "0 to 100 per cent")?;
        range::usd("costs.sec_fee_per_million", self.sec_fee_per_million)?;
        range::usd("costs.taf_per_share", self.taf_per_share)?;
        range::usd("costs.taf_max", self.taf_max)
    }
}

/// First day, and what is in force from it on. Before the first row, the first row's.
type Dated<T> = ((i32, u32, u32), T);

/// SEC fee, USD per million dollars sold.
///
/// # Source
/// SEC fee rate advisories and orders: FINRA information notices of 2019-03-19 and 2021-02-16 (20.70, 22.10, 5.10),
/// SEC announcement of 2023-01-23 (22.90 until 2023-02-26, then 8.00), Federal Register 2024-08512 (27.80), SEC
/// announcement of 2025-04-08 (0.00), Federal Register 2026-04233 (20.60). Looked up on 2026-11-24; the first days of
/// 22.10 and 22.90 could not be looked up again.
const SEC_FEES: [Dated<Usd>; 8] = [
    ((2019, 4, 16), Usd::from_cents(2_070)),
    ((2020, 2, 18), Usd::from_cents(2_210)),
    ((2021, 2, 25), Usd::from_cents(510)),
    ((2022, 5, 14), Usd::from_cents(2_290)),
    ((2023, 2, 27), Usd::from_cents(800)),
    ((2024, 5, 22), Usd::from_cents(2_780)),
    ((2025, 5, 14), Usd::from_cents(0)),
    ((2026, 4, 4), Usd::from_cents(2_060)),
];

/// FINRA's trading activity fee: USD per share sold in 1e-9, and the most for one order.
///
/// # Source
/// FINRA By-Laws, Schedule A section 1; Regulatory Notices 12-06 (0.000095) and 20-32 (2022 to 2024), Federal Register
/// 2024-27764 (from 2026). Looked up on 2026-11-24 in notices and public cost tables. The cap of 2027 could not be looked
/// up: it is that of as many shares as the caps before it.
const ACTIVITY_FEES: [Dated<(Usd, Usd)>; 7] = [
    ((2012, 3, 1), (Usd::from_nanos(95_000), Usd::from_cents(475))),
    ((2012, 7, 1), (Usd::from_nanos(119_000), Usd::from_cents(595))),
    ((2022, 1, 1), (Usd::from_nanos(130_000), Usd::from_cents(649))),
    ((2023, 1, 1), (Usd::from_nanos(145_000), Usd::from_cents(727))),
    ((2024, 1, 1), (Usd::from_nanos(166_000), Usd::from_cents(830))),
    ((2026, 1, 1), (Usd::from_nanos(195_000), Usd::from_cents(979))),
    ((2027, 1, 1), (Usd::from_nanos(232_000), Usd::from_cents(1_165))),
];

fn in_force<T: Copy>(table: &[Dated<T>], date: SessionDate) -> T {
    let started = |row: &&Dated<T>| {
        let (year, month, day) = row.0;
        SessionDate::from_ymd(year, month, day).is_some_and(|first| first <= date)
    };
    table.iter().rev().find(started).unwrap_or(&table[0]).1
}

fn per_share(rate: Usd, quantity: u64, what: &'static str) -> Result<Usd, MoneyError> {
    nanos_up(i128::from(rate.nanos()) * i128::from(quantity), 1, what)
}

fn nanos_up(numerator: i128, denominator: i128, what: &'static str) -> Result<Usd, MoneyError> {
    let rounded = (numerator + denominator - 1).div_euclid(denominator);
    i64::try_from(rounded).map(Usd::from_nanos).map_err(|_| MoneyError::OutOfRange(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> SessionDate {
        text.parse().unwrap()
    }

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    fn shown(fees: &Fees) -> [String; 3] {
        [fees.commission.to_string(), fees.sec.to_string(), fees.taf.to_string()]
    }

    #[test]
    fn only_sales_pay_regulatory_fees_at_the_rate_of_their_day() {
        let check = |side, quantity, at: &str, day: &str, expected: [&str; 3]| {
            let fees = CostProfile::default().of_trade(side, quantity, price(at), date(day)).unwrap();
            assert_eq!(shown(&fees), expected, "{side:?} {quantity} at {at} on {day}");
        };
        check(Side::Buy, 1_000, "50", "2026-11-24", ["0.00", "0.00", "0.00"]);
        // 50,000 × 20.60 per million; 1,000 × 0.000195
        check(Side::Sell, 1_000, "50", "2026-11-24", ["0.00", "1.03", "0.195"]);
        check(Side::Sell, 1_000, "50", "2026-04-03", ["0.00", "0.00", "0.195"]);
        check(Side::Sell, 1_000, "50", "2025-05-13", ["0.00", "1.39", "0.166"]);
        check(Side::Sell, 1_000, "50", "2023-03-01", ["0.00", "0.40", "0.145"]);
        // 100,000 shares would be 19.50 and are capped
        check(Side::Sell, 100_000, "1", "2026-11-24", ["0.00", "2.06", "9.79"]);
        check(Side::Sell, 0, "50", "2026-11-24", ["0.00", "0.00", "0.00"]);
    }

    #[test]
    fn commission_has_a_least_and_a_most() {
        let costs = CostProfile {
            commission_per_share: "0.005".parse().unwrap(),
            commission_min: "1".parse().unwrap(),
            commission_max_pct: Some(Micro::from_int(1)),
            ..CostProfile::FREE
        };
        let check = |quantity, at: &str, expected: &str| {
            let fees = costs.of_trade(Side::Buy, quantity, price(at), date("2026-11-24")).unwrap();
            assert_eq!(fees.total().unwrap().to_string(), expected, "{quantity} at {at}");
        };
        check(1_000, "50", "5.00");
        check(100, "50", "1.00");
        check(10, "0.50", "0.05");
    }

    #[test]
    fn a_day_is_rounded_up_once_and_an_order_each_time() {
        // a hundred sales of one share at 100: by the day 0.206 -> 0.21, by the order 100 × 0.01
        let day = date("2026-11-24");
        let sum = |costs: CostProfile| {
            let one = costs.of_trade(Side::Sell, 1, price("100"), day).unwrap();
            let all = (0..100).fold(Fees::default(), |sum, _| sum.plus(&one).unwrap());
            all.booked().unwrap().sec.to_string()
        };
        assert_eq!(sum(CostProfile::default()), "0.21");
        assert_eq!(sum(CostProfile { rounding: FeeRounding::Order, ..CostProfile::default() }), "1.00");
    }

    #[test]
    fn fills_of_an_order_cost_what_the_order_costs() {
        let day = date("2026-11-24");
        for rounding in [FeeRounding::Day, FeeRounding::Order] {
            let costs = CostProfile {
                commission_per_share: "0.0035".parse().unwrap(),
                commission_min: "0.35".parse().unwrap(),
                rounding,
                ..CostProfile::default()
            };
            let (mut before, mut sum) = (Traded::default(), Fees::default());
            for (quantity, at) in [(1, "20.01"), (70_000, "20.02"), (7, "19.9999")] {
                sum = sum.plus(&costs.of_fill(Side::Sell, &before, quantity, price(at), day).unwrap()).unwrap();
                before = before.and(quantity, price(at)).unwrap();
            }
            assert_eq!(sum, costs.of_order(Side::Sell, &before, day).unwrap());
            assert_eq!(sum.taf.to_string(), "9.79");
        }
    }

    #[test]
    fn tables_are_in_order_and_out_of_range_is_an_error() {
        assert!(SEC_FEES.windows(2).all(|w| w[0].0 < w[1].0) && ACTIVITY_FEES.windows(2).all(|w| w[0].0 < w[1].0));
        let huge = CostProfile::default().of_trade(Side::Sell, u64::MAX, price("9000000000"), date("2026-11-24"));
        assert!(matches!(huge, Err(MoneyError::OutOfRange(_))));
        let negative = CostProfile { taf_max: Some(Usd::from_cents(-1)), ..CostProfile::default() };
        let error = negative.validate().unwrap_err().to_string();
        assert!(error.contains("costs.taf_max") && error.contains("-0.01"), "{error}");
    }
}
