//! The symbols a feed is opened for, found by ticker without allocation.

use std::collections::HashMap;

use domain::Symbol;
use foldhash::fast::FixedState;
use ports::Listing;

/// The listed symbols in a fixed order; everything per trade refers to them by index.
#[derive(Debug, Default)]
pub struct Universe {
    listings: Vec<Listing>,
    partitions: Vec<u32>,
    index: HashMap<u128, u32, FixedState>,
}

impl Universe {
    /// Takes each symbol once, in the order given, and fixes its partition among `partitions`.
    pub fn new(listings: impl IntoIterator<Item = Listing>, partitions: u32) -> Self {
        let mut universe = Self::default();
        for listing in listings {
            let Some(key) = key(listing.symbol.as_str().as_bytes()) else { continue };
            let next = universe.listings.len() as u32;
            if *universe.index.entry(key).or_insert(next) == next {
                universe.partitions.push(listing.symbol.partition(partitions));
                universe.listings.push(listing);
            }
        }
        universe
    }

    /// The index of a ticker; `None` when it is not ours.
    pub fn find(&self, ticker: &str) -> Option<u32> {
        key(ticker.as_bytes()).and_then(|key| self.index.get(&key).copied())
    }

    /// The symbol at `index`.
    pub fn symbol(&self, index: u32) -> Option<&Symbol> {
        self.listings.get(index as usize).map(|listing| &listing.symbol)
    }

    /// Every symbol, by index.
    pub fn listings(&self) -> &[Listing] {
        &self.listings
    }

    /// The partition of every symbol, by index.
    pub fn partitions(&self) -> &[u32] {
        &self.partitions
    }

    /// How many symbols there are.
    pub fn len(&self) -> usize {
        self.listings.len()
    }

    /// True when there is no symbol at all.
    pub fn is_empty(&self) -> bool {
        self.listings.is_empty()
    }
}

/// A ticker of up to 16 bytes as one integer, which hashes several times faster than text.
fn key(ticker: &[u8]) -> Option<u128> {
    (ticker.len() <= 16).then(|| ticker.iter().fold(0, |key, byte| key << 8 | u128::from(*byte)))
}

#[cfg(test)]
mod tests {
    use domain::market::SecurityType;

    use super::*;

    fn listing(ticker: &str) -> Listing {
        Listing { symbol: ticker.parse().unwrap(), security_type: SecurityType::Common }
    }

    #[test]
    fn tickers_are_found_whole_and_repeated_ones_counted_once() {
        let universe = Universe::new(["A", "BRK.B", "A", "ABCDEFGHIJKLMNOP"].map(listing), 4);
        assert_eq!(universe.len(), 3);
        assert_eq!(["A", "BRK.B", "ABCDEFGHIJKLMNOP"].map(|t| universe.find(t)), [Some(0), Some(1), Some(2)]);
        assert_eq!(["", "AA", "BRK", "ABCDEFGHIJKLMNOPQ"].map(|t| universe.find(t)), [None; 4]);
        assert_eq!(universe.partitions()[1], "BRK.B".parse::<Symbol>().unwrap().partition(4));
    }
}
