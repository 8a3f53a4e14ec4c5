//! Checks of single numbers that name the key, the value and what it may be.

use std::fmt::Display;

use super::StrategyError;
use crate::money::{Micro, Price, Usd};

/// Refuses a value that is not `ok`.
pub(crate) fn ensure(
    ok: bool,
    key: &'static str,
    value: impl Display,
    expected: &'static str,
) -> Result<(), StrategyError> {
    if ok { Ok(()) } else { Err(StrategyError::Range { key, value: value.to_string(), expected }) }
}

/// A ratio, multiple or percentage from `low` to `high`; `None` leaves it out.
pub(crate) fn ratio(
    key: &'static str,
    value: impl Into<Option<Micro>>,
    (low, high): (i64, i64),
    expected: &'static str,
) -> Result<(), StrategyError> {
    let allowed = Micro::from_int(low)..=Micro::from_int(high);
    value.into().map_or(Ok(()), |v| ensure(allowed.contains(&v), key, v, expected))
}

/// A whole number from `low` to `high`; `None` leaves it out.
pub(crate) fn count(
    key: &'static str,
    value: impl Into<Option<u32>>,
    (low, high): (u32, u32),
    expected: &'static str,
) -> Result<(), StrategyError> {
    value.into().map_or(Ok(()), |v| ensure((low..=high).contains(&v), key, v, expected))
}

/// A price that is not negative; `None` leaves it out.
pub(crate) fn price(key: &'static str, value: Option<Price>) -> Result<(), StrategyError> {
    value.map_or(Ok(()), |v| ensure(v >= Price::ZERO, key, v, "0 or more, USD per share"))
}

/// An amount that is not negative; `None` leaves it out.
pub(crate) fn usd(key: &'static str, value: Option<Usd>) -> Result<(), StrategyError> {
    value.map_or(Ok(()), |v| ensure(v >= Usd::ZERO, key, v, "0 or more, USD"))
}

/// Shares that can be compared as [`Micro`]; `None` leaves them out.
pub(crate) fn shares(key: &'static str, value: Option<u64>) -> Result<(), StrategyError> {
    const MOST: u64 = 1_000_000_000_000;
    value.map_or(Ok(()), |v| ensure(v <= MOST, key, v, "at most 1000000000000 shares"))
}
