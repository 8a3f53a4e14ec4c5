//! Ticker symbols and the partition they belong to.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a symbol was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a symbol: 1 to 16 of A-Z, 0-9, dot, dash or slash")]
pub struct SymbolError(pub String);

/// A US equity ticker as the vendors write it, for example `BRK.B`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(Arc<str>);

impl Symbol {
    /// True when `text` can be a symbol.
    pub fn is_valid(text: &str) -> bool {
        let allowed = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'/');
        (1..=16).contains(&text.len()) && text.bytes().all(allowed)
    }

    /// The ticker's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The ticker as one token of a bus subject: dots and slashes become underscores.
    pub fn subject_token(&self) -> String {
        self.0.replace(['.', '/'], "_")
    }

    /// The partition of this symbol among `partitions`: 32-bit FNV-1a modulo their number.
    ///
    /// # Panics
    /// Never: a zero count is taken as one.
    pub fn partition(&self, partitions: u32) -> u32 {
        partition_of(self.0.as_bytes(), partitions)
    }
}

/// The partition of a ticker's bytes, see [`Symbol::partition`].
pub fn partition_of(ticker: &[u8], partitions: u32) -> u32 {
    let hash = ticker.iter().fold(0x811c_9dc5_u32, |h, b| (h ^ u32::from(*b)).wrapping_mul(0x0100_0193));
    hash % partitions.max(1)
}

/// A map with symbols for keys can be asked by text.
impl std::borrow::Borrow<str> for Symbol {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl FromStr for Symbol {
    type Err = SymbolError;

    fn from_str(text: &str) -> Result<Self, SymbolError> {
        if Self::is_valid(text) { Ok(Self(text.into())) } else { Err(SymbolError(text.chars().take(24).collect())) }
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Symbol({})", self.0)
    }
}

impl Serialize for Symbol {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Symbol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_symbols_are_refused_by_name() {
        for text in ["", "aapl", "A B", "ABCDEFGHIJKLMNOPQ", "A*", "Ä"] {
            assert!(text.parse::<Symbol>().is_err(), "{text}");
        }
        assert_eq!("BRK.B".parse::<Symbol>().unwrap().subject_token(), "BRK_B");
    }

    #[test]
    fn partition_is_fnv1a_so_other_languages_can_compute_it() {
        for (ticker, hash) in [("", 0x811c_9dc5_u32), ("a", 0xe40c_292c), ("foobar", 0xbf9c_f968)] {
            assert_eq!(partition_of(ticker.as_bytes(), 1_000), hash % 1_000, "{ticker}");
        }
    }
}
