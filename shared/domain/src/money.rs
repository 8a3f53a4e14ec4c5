//! Fixed-point money and share prices.
//!
//! Both are `i64` counts of 1e-9 US dollars, so they add exactly; products and quotients go through
//! `i128`. The range is ±9.2 billion dollars; leaving it is an error, never a wrap.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Nano-dollars in one dollar.
pub const NANOS: i64 = 1_000_000_000;

/// Why a decimal text or a money calculation was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The text is not a plain decimal number with at most nine decimals.
    #[error("`{0}` is not a decimal number with at most 9 decimals")]
    NotADecimal(String),
    /// The result does not fit into the fixed-point range.
    #[error("money out of range in {0}")]
    OutOfRange(&'static str),
}

macro_rules! fixed_point {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(i64);

        impl $name {
            /// Nothing.
            pub const ZERO: Self = Self(0);

            /// From a count of 1e-9 dollars.
            #[inline]
            pub const fn from_nanos(nanos: i64) -> Self {
                Self(nanos)
            }

            /// From whole cents.
            pub const fn from_cents(cents: i64) -> Self {
                Self(cents * (NANOS / 100))
            }

            /// The count of 1e-9 dollars.
            #[inline]
            pub const fn nanos(self) -> i64 {
                self.0
            }

            /// Sum, or an error that names `what` was being computed.
            pub fn plus(self, other: Self, what: &'static str) -> Result<Self, MoneyError> {
                self.0.checked_add(other.0).map(Self).ok_or(MoneyError::OutOfRange(what))
            }

            /// Difference, or an error that names `what` was being computed.
            pub fn minus(self, other: Self, what: &'static str) -> Result<Self, MoneyError> {
                self.0.checked_sub(other.0).map(Self).ok_or(MoneyError::OutOfRange(what))
            }

            /// `self × numerator ÷ denominator`, rounded toward zero, through `i128`.
            pub fn scaled(self, numerator: i64, denominator: i64, what: &'static str) -> Result<Self, MoneyError> {
                let product = i128::from(self.0) * i128::from(numerator);
                product
                    .checked_div(i128::from(denominator))
                    .and_then(|q| i64::try_from(q).ok())
                    .map(Self)
                    .ok_or(MoneyError::OutOfRange(what))
            }

            /// As a float, for statistics and charts that no order is computed from.
            pub fn to_f64(self) -> f64 {
                self.0 as f64 / NANOS as f64
            }

            /// From a float of statistics or reference data, rounded to 1e-9; `None` unless finite and in range.
            pub fn from_f64(value: f64) -> Option<Self> {
                let nanos = (value * NANOS as f64).round();
                (nanos.is_finite() && nanos.abs() < i64::MAX as f64).then_some(Self(nanos as i64))
            }

            /// Distance from zero.
            pub const fn abs(self) -> Self {
                Self(self.0.saturating_abs())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&format_fixed(self.0))
            }
        }

        impl FromStr for $name {
            type Err = MoneyError;

            fn from_str(text: &str) -> Result<Self, MoneyError> {
                parse_fixed(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    serializer.serialize_i64(self.0)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if !deserializer.is_human_readable() {
                    return i64::deserialize(deserializer).map(Self);
                }
                #[derive(Deserialize)]
                #[serde(untagged, expecting = "a decimal number is wanted")]
                enum Text {
                    String(String),
                    Integer(i64),
                    Float(f64),
                }
                let text = match Text::deserialize(deserializer)? {
                    Text::String(s) => s,
                    Text::Integer(i) => i.to_string(),
                    Text::Float(x) => x.to_string(),
                };
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

fixed_point!(
    /// US dollars per share, counted in 1e-9.
    Price
);
fixed_point!(
    /// An amount of US dollars, counted in 1e-9.
    Usd
);

impl Price {
    /// The smallest step at which an order of this price may be quoted: a cent at or above a dollar,
    /// a hundredth of a cent below.
    ///
    /// # Source
    /// Regulation NMS rule 612.
    pub const fn tick(self) -> Self {
        if self.0 >= NANOS { Self(NANOS / 100) } else { Self(NANOS / 10_000) }
    }

    /// The nearest valid tick at or below.
    pub const fn floor_to_tick(self) -> Self {
        Self(self.0 - self.0.rem_euclid(self.tick().0))
    }

    /// The nearest valid tick at or above.
    pub const fn ceil_to_tick(self) -> Self {
        let down = self.floor_to_tick();
        if down.0 == self.0 { self } else { Self(down.0 + self.tick().0) }
    }

    /// What `quantity` shares cost at this price.
    pub fn notional(self, quantity: u64) -> Result<Usd, MoneyError> {
        i64::try_from(i128::from(self.0) * i128::from(quantity))
            .map(Usd)
            .map_err(|_| MoneyError::OutOfRange("notional"))
    }
}

impl Usd {
    /// How many whole shares of `price` this buys; zero when either is not positive.
    pub fn shares_at(self, price: Price) -> u64 {
        if self.0 <= 0 || price.0 <= 0 { 0 } else { (self.0 / price.0) as u64 }
    }

    /// The next whole cent at or above.
    pub fn ceil_to_cent(self) -> Result<Self, MoneyError> {
        const CENT: i64 = NANOS / 100;
        let short = self.0.rem_euclid(CENT);
        let missing = if short == 0 { 0 } else { CENT - short };
        self.plus(Self(missing), "whole cents")
    }
}

/// A dimensionless or mixed-unit number in 1e-6 steps: ratios, per cent, scores, share counts.
///
/// Range ±9.2e12. Used where a value is compared and shown, never where money is summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Micro(i64);

impl Micro {
    /// From a count of 1e-6.
    #[inline]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From a whole number, saturating.
    pub const fn from_int(value: i64) -> Self {
        Self(value.saturating_mul(1_000_000))
    }

    /// `numerator ÷ denominator × scale`, rounded half away from zero; `None` when the denominator is zero or
    /// the result does not fit.
    pub fn ratio(numerator: i64, denominator: i64, scale: i64) -> Option<Self> {
        let wide = i128::from(numerator) * i128::from(scale) * 1_000_000;
        div_round(wide, i128::from(denominator)).and_then(|v| i64::try_from(v).ok()).map(Self)
    }

    /// `self × factor`, rounded half away from zero, saturating.
    pub fn times(self, factor: Self) -> Self {
        let product = div_round(i128::from(self.0) * i128::from(factor.0), 1_000_000).unwrap_or(0);
        Self(i64::try_from(product).unwrap_or(if product < 0 { i64::MIN } else { i64::MAX }))
    }

    /// The count of 1e-6.
    #[inline]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// As a float, for display and statistics.
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// From a float, rounded to 1e-6; `None` unless finite and in range.
    pub fn from_f64(value: f64) -> Option<Self> {
        let micros = (value * 1e6).round();
        (micros.is_finite() && micros.abs() < i64::MAX as f64).then_some(Self(micros as i64))
    }

    /// Distance from zero.
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }
}

impl From<Price> for Micro {
    fn from(price: Price) -> Self {
        Self(price.0 / 1_000)
    }
}

impl From<Usd> for Micro {
    fn from(usd: Usd) -> Self {
        Self(usd.0 / 1_000)
    }
}

impl fmt::Display for Micro {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let whole = self.0.unsigned_abs();
        let fraction = format!("{:06}", whole % 1_000_000);
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() {
            write!(f, "{sign}{}", whole / 1_000_000)
        } else {
            write!(f, "{sign}{}.{fraction}", whole / 1_000_000)
        }
    }
}

impl FromStr for Micro {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let nanos = parse_scaled(text, 6)?;
        Ok(Self(nanos))
    }
}

impl Serialize for Micro {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { serializer.serialize_i64(self.0) }
    }
}

impl<'de> Deserialize<'de> for Micro {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return i64::deserialize(deserializer).map(Self);
        }
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a decimal number is wanted")]
        enum Form {
            Text(String),
            Integer(i64),
            Float(f64),
        }
        let out_of_range = |value: &dyn fmt::Display| serde::de::Error::custom(format!("{value} is out of range"));
        match Form::deserialize(deserializer)? {
            Form::Text(text) => text.parse().map_err(serde::de::Error::custom),
            Form::Integer(value) => value.checked_mul(1_000_000).map(Self).ok_or_else(|| out_of_range(&value)),
            Form::Float(value) => Self::from_f64(value).ok_or_else(|| out_of_range(&value)),
        }
    }
}

/// Integer division rounded half away from zero; `None` for a zero denominator.
pub(crate) fn div_round(numerator: i128, denominator: i128) -> Option<i128> {
    if denominator == 0 {
        return None;
    }
    let (n, d) = if denominator < 0 { (-numerator, -denominator) } else { (numerator, denominator) };
    let half = d / 2;
    Some(if n >= 0 { (n + half) / d } else { (n - half) / d })
}

fn format_fixed(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let whole = nanos.unsigned_abs() / NANOS as u64;
    let fraction = format!("{:09}", nanos.unsigned_abs() % NANOS as u64);
    let kept = fraction.trim_end_matches('0').len().max(2);
    format!("{sign}{whole}.{}", &fraction[..kept])
}

fn parse_fixed(text: &str) -> Result<i64, MoneyError> {
    parse_scaled(text, 9)
}

fn parse_scaled(text: &str, decimals: usize) -> Result<i64, MoneyError> {
    let refused = || MoneyError::NotADecimal(text.chars().take(40).collect());
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !plain(whole) || !plain(fraction) {
        return Err(refused());
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > decimals {
        return Err(refused());
    }
    let padded = format!("{}{fraction:0<decimals$}", if whole.is_empty() { "0" } else { whole });
    let value: i64 = padded.parse().map_err(|_| MoneyError::OutOfRange("decimal text"))?;
    Ok(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_text_survives_parse_and_display() {
        for (text, nanos, shown) in [
            ("130", 130_000_000_000, "130.00"),
            ("0.0001", 100_000, "0.0001"),
            ("-1.5", -1_500_000_000, "-1.50"),
            (".25", 250_000_000, "0.25"),
            ("97.603500000", 97_603_500_000, "97.6035"),
        ] {
            let price: Price = text.parse().unwrap();
            assert_eq!((price.nanos(), price.to_string().as_str()), (nanos, shown), "{text}");
        }
    }

    #[test]
    fn malformed_decimals_are_refused_by_name() {
        for text in ["", ".", "1e3", "1,000", "0x1", "1.2.3", "--1", "NaN", "1.0000000001"] {
            let error = text.parse::<Price>().unwrap_err();
            assert!(error.to_string().contains(text), "{text}: {error}");
        }
        assert_eq!("99999999999".parse::<Price>(), Err(MoneyError::OutOfRange("decimal text")));
    }

    #[test]
    fn ticks_are_a_cent_above_a_dollar_and_finer_below() {
        let check = |text: &str, floor: &str, ceil: &str| {
            let price: Price = text.parse().unwrap();
            assert_eq!(price.floor_to_tick().to_string(), floor, "{text}");
            assert_eq!(price.ceil_to_tick().to_string(), ceil, "{text}");
        };
        check("10.001", "10.00", "10.01");
        check("10.01", "10.01", "10.01");
        check("0.12345", "0.1234", "0.1235");
    }

    #[test]
    fn micro_survives_json_as_text_and_reads_numbers() {
        for (json, micros) in [("\"33.333333\"", 33_333_333), ("-0.5", -500_000), ("20", 20_000_000)] {
            let value: Micro = serde_json::from_str(json).unwrap();
            assert_eq!(value.micros(), micros, "{json}");
            assert_eq!(serde_json::from_str::<Micro>(&serde_json::to_string(&value).unwrap()).unwrap(), value);
        }
        assert!(serde_json::from_str::<Micro>("9223372036855").is_err());
    }

    #[test]
    fn cents_are_rounded_up() {
        for (text, cents) in [("0.000000001", "0.01"), ("1.23", "1.23"), ("1.2301", "1.24"), ("-0.019", "-0.01")] {
            assert_eq!(text.parse::<Usd>().unwrap().ceil_to_cent().unwrap().to_string(), cents);
        }
        assert!(Usd::from_nanos(i64::MAX).ceil_to_cent().is_err());
    }

    #[test]
    fn ratios_round_half_away_from_zero() {
        assert_eq!(Micro::ratio(1, 3, 100), Some(Micro::from_micros(33_333_333)));
        assert_eq!(Micro::ratio(-1, 8, 1), Some(Micro::from_micros(-125_000)));
        assert_eq!(Micro::ratio(1, 0, 1), None);
    }
}
