//! The traits that every conversion implements, and checks of single fields that name what they refuse.

use domain::{Price, SessionDate, Symbol, Usd};
use prost::Message;

use crate::error::DecodeError;

/// An event's payload in bytes.
pub(crate) trait Payload: Sized {
    fn to_payload(&self) -> Vec<u8>;
    fn from_payload(payload: &[u8]) -> Result<Self, DecodeError>;
}

/// A domain type and the message it travels as.
pub(crate) trait Wire: Sized {
    type Message: Message + Default;
    /// The message's name without `finagent.`.
    const NAME: &'static str;

    fn to_wire(&self) -> Self::Message;
    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError>;
}

impl<T: Wire> Payload for T {
    fn to_payload(&self) -> Vec<u8> {
        self.to_wire().encode_to_vec()
    }

    fn from_payload(payload: &[u8]) -> Result<Self, DecodeError> {
        let wire = T::Message::decode(payload)
            .map_err(|e| DecodeError::Malformed { message: T::NAME, reason: e.to_string() })?;
        T::from_wire(wire)
    }
}

/// A closed set of values and their numbers.
pub(crate) trait WireEnum: Copy {
    const EXPECTED: &'static str;

    fn to_wire(self) -> i32;
    fn from_wire(number: i32) -> Option<Self>;
}

/// Pairs a domain enum with its protobuf enum; both must list exactly the same names.
macro_rules! wire_enum {
    ($($domain:ty = $wire:ty { $first:ident $(, $name:ident)* })+) => {
        $(impl $crate::fields::WireEnum for $domain {
            const EXPECTED: &'static str = concat!("one of ", stringify!($first), $(", ", stringify!($name)),*);

            fn to_wire(self) -> i32 {
                type Wire = $wire;
                (match self {
                    Self::$first => Wire::$first,
                    $(Self::$name => Wire::$name,)*
                }) as i32
            }

            fn from_wire(number: i32) -> Option<Self> {
                type Wire = $wire;
                match Wire::try_from(number) {
                    Ok(Wire::$first) => Some(Self::$first),
                    $(Ok(Wire::$name) => Some(Self::$name),)*
                    Ok(Wire::Unspecified) | Err(_) => None,
                }
            }
        })+
    };
}
pub(crate) use wire_enum;

/// The messages of a list.
pub(crate) fn wires<T: Wire>(values: &[T]) -> Vec<T::Message> {
    values.iter().map(Wire::to_wire).collect()
}

/// The texts of a list of symbols or ids.
pub(crate) fn texts<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

/// Checks the fields of the message it is named after.
pub(crate) struct Fields(pub(crate) &'static str);

impl Fields {
    /// Refuses `value` unless `allowed`.
    pub(crate) fn check<T: std::fmt::Debug>(
        &self,
        field: &str,
        value: T,
        allowed: impl FnOnce(&T) -> bool,
        expected: &'static str,
    ) -> Result<T, DecodeError> {
        if allowed(&value) { Ok(value) } else { Err(DecodeError::field(self.0, field, value, expected)) }
    }

    pub(crate) fn price(&self, field: &str, nanos: i64) -> Result<Price, DecodeError> {
        self.check(field, nanos, |n| *n > 0, "a positive price in 1e-9 USD").map(Price::from_nanos)
    }

    /// A distance between prices.
    pub(crate) fn distance(&self, field: &str, nanos: i64) -> Result<Price, DecodeError> {
        self.check(field, nanos, |n| *n >= 0, "0 or more in 1e-9 USD").map(Price::from_nanos)
    }

    pub(crate) fn optional_price(&self, field: &str, nanos: Option<i64>) -> Result<Option<Price>, DecodeError> {
        nanos.map(|n| self.price(field, n)).transpose()
    }

    pub(crate) fn positive_usd(&self, field: &str, nanos: i64) -> Result<Usd, DecodeError> {
        self.check(field, nanos, |n| *n > 0, "a positive amount in 1e-9 USD").map(Usd::from_nanos)
    }

    pub(crate) fn shares(&self, field: &str, shares: u64) -> Result<u64, DecodeError> {
        self.check(field, shares, |n| *n > 0, "a positive number of shares")
    }

    /// A number that counts from 1.
    pub(crate) fn ordinal<T: Default + PartialOrd + std::fmt::Debug>(
        &self,
        field: &str,
        number: T,
    ) -> Result<T, DecodeError> {
        self.check(field, number, |n| *n > T::default(), "a number from 1")
    }

    /// An index below `end`.
    pub(crate) fn below(&self, field: &str, number: u32, end: u32) -> Result<u32, DecodeError> {
        self.check(field, number, |n| *n < end, "a number from 0, below their count")
    }

    pub(crate) fn date(&self, field: &str, days: i32) -> Result<SessionDate, DecodeError> {
        // Within what `UnixNanos` can express, so that every session has instants.
        const DAYS: std::ops::RangeInclusive<i32> = -106_000..=106_000;
        let refused = || DecodeError::field(self.0, field, days, "a date from 1679 to 2260 in days since 1970-01-01");
        SessionDate::from_epoch_days(days).filter(|_| DAYS.contains(&days)).ok_or_else(refused)
    }

    pub(crate) fn text(&self, field: &str, text: String) -> Result<String, DecodeError> {
        self.check(field, text, |t| !t.is_empty(), "a text that is not empty")
    }

    pub(crate) fn symbol(&self, field: &str, text: &str) -> Result<Symbol, DecodeError> {
        text.parse()
            .map_err(|_| DecodeError::field(self.0, field, text, "a symbol: 1 to 16 of A-Z, 0-9, dot, dash and slash"))
    }

    pub(crate) fn symbols(&self, field: &str, texts: &[String]) -> Result<Vec<Symbol>, DecodeError> {
        texts.iter().enumerate().map(|(i, text)| self.symbol(&format!("{field}[{i}]"), text)).collect()
    }

    /// Ids or names of which none is empty.
    pub(crate) fn all_text(&self, field: &str, texts: Vec<String>) -> Result<Vec<String>, DecodeError> {
        match texts.iter().position(String::is_empty) {
            None => Ok(texts),
            Some(i) => Err(DecodeError::field(self.0, &format!("{field}[{i}]"), "", "a text that is not empty")),
        }
    }

    pub(crate) fn one_of<E: WireEnum>(&self, field: &str, number: i32) -> Result<E, DecodeError> {
        E::from_wire(number).ok_or_else(|| DecodeError::field(self.0, field, number, E::EXPECTED))
    }

    pub(crate) fn optional_one_of<E: WireEnum>(
        &self,
        field: &str,
        number: Option<i32>,
    ) -> Result<Option<E>, DecodeError> {
        number.map(|n| self.one_of(field, n)).transpose()
    }

    pub(crate) fn message<T: Wire>(&self, field: &str, wire: Option<T::Message>) -> Result<T, DecodeError> {
        let wire = wire.ok_or_else(|| DecodeError::field(self.0, field, None::<()>, T::NAME))?;
        T::from_wire(wire).map_err(|e| e.inside(self.0, field))
    }

    pub(crate) fn optional_message<T: Wire>(
        &self,
        field: &str,
        wire: Option<T::Message>,
    ) -> Result<Option<T>, DecodeError> {
        wire.map(|w| self.message(field, Some(w))).transpose()
    }

    pub(crate) fn messages<T: Wire>(&self, field: &str, wires: Vec<T::Message>) -> Result<Vec<T>, DecodeError> {
        let convert = |(i, wire)| T::from_wire(wire).map_err(|e| e.inside(self.0, format_args!("{field}[{i}]")));
        wires.into_iter().enumerate().map(convert).collect()
    }
}
