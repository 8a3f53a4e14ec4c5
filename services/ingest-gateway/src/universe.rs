//! The symbols a feed is opened for, found by ticker without allocation.

use std::collections::HashMap;

use domain::Symbol;
use ports::Listing;

/// The listed symbols in a fixed order; everything per trade refers to them by index.
#[derive(Debug, Default)]
pub struct Universe {
    listings: Vec<Listing>,
    partitions: Vec<u32>,
    short: ShortTickers,
    long: HashMap<String, u32>,
}

impl Universe {
    /// Takes each symbol once, in the order given, and fixes its partition among `partitions`.
    pub fn new(listings: impl IntoIterator<Item = Listing>, partitions: u32) -> Self {
        let mut known = HashMap::new();
        let mut universe = Self::default();
        for listing in listings {
            let next = universe.listings.len() as u32;
            let ticker = listing.symbol.as_str();
            if *known.entry(ticker.to_owned()).or_insert(next) == next {
                universe.partitions.push(listing.symbol.partition(partitions));
                universe.listings.push(listing);
            }
        }
        let (short, long) = known.into_iter().partition::<Vec<_>, _>(|(ticker, _)| ticker.len() <= SHORT);
        universe.short = ShortTickers::new(short.iter().map(|(ticker, index)| (pack(ticker.as_bytes()), *index)));
        universe.long = long.into_iter().collect();
        universe
    }

    /// The index of a ticker; `None` when it is not ours.
    pub fn find(&self, ticker: &str) -> Option<u32> {
        if ticker.len() <= SHORT { self.short.find(pack(ticker.as_bytes())) } else { self.long.get(ticker).copied() }
    }

    /// The index of a ticker of up to seven bytes: the first `length` of `text`, little end first.
    #[inline]
    pub fn find_short(&self, text: u64, length: usize) -> Option<u32> {
        self.short.find(text & ((1 << (8 * length)) - 1) | (length as u64) << 56)
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

/// Longest ticker that goes into an integer with its length; longer ones are rare.
const SHORT: usize = 7;

/// Tickers of up to seven bytes, each an integer of its own, in a table that is at most half full: a frame's ticker is
/// one load, one multiplication and one comparison away from its index.
#[derive(Debug)]
struct ShortTickers {
    /// Zero where there is none.
    tickers: Vec<u64>,
    indexes: Vec<u32>,
    shift: u32,
}

impl Default for ShortTickers {
    fn default() -> Self {
        Self::new(std::iter::empty())
    }
}

impl ShortTickers {
    fn new(entries: impl ExactSizeIterator<Item = (u64, u32)>) -> Self {
        let len = (entries.len() * 2).next_power_of_two().max(2);
        let mut table = Self { tickers: vec![0; len], indexes: vec![0; len], shift: u64::BITS - len.ilog2() };
        for (ticker, index) in entries {
            let mut at = table.place(ticker);
            while table.tickers[at] != 0 {
                at = (at + 1) % len;
            }
            (table.tickers[at], table.indexes[at]) = (ticker, index);
        }
        table
    }

    #[inline]
    fn find(&self, ticker: u64) -> Option<u32> {
        let mut at = self.place(ticker);
        loop {
            match self.tickers[at] {
                0 => return None,
                found if found == ticker => return Some(self.indexes[at]),
                _ => at = (at + 1) & (self.tickers.len() - 1),
            }
        }
    }

    /// By Fibonacci hashing: the product's upper bits depend on all of the ticker.
    #[inline]
    const fn place(&self, ticker: u64) -> usize {
        (ticker.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift) as usize
    }
}

/// The bytes, little end first, and above them how many they are.
fn pack(ticker: &[u8]) -> u64 {
    ticker.iter().rev().fold(0, |packed, byte| packed << 8 | u64::from(*byte)) | (ticker.len() as u64) << 56
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
        let universe = Universe::new(["A", "BRK.B", "A", "ABCDEFGHIJKLMNOP", "ABCDEFGH"].map(listing), 4);
        assert_eq!(universe.len(), 4);
        let found = ["A", "BRK.B", "ABCDEFGHIJKLMNOP", "ABCDEFGH"].map(|ticker| universe.find(ticker));
        assert_eq!(found, [Some(0), Some(1), Some(2), Some(3)]);
        let strange = ["", "AA", "BRK", "\0", "A\0", "ABCDEFG", "ABCDEFGHI", "ABCDEFGHIJKLMNOPQ"];
        assert_eq!(strange.map(|ticker| universe.find(ticker)), [None; 8]);
        assert_eq!(universe.partitions()[1], "BRK.B".parse::<Symbol>().unwrap().partition(4));
    }

    #[test]
    fn every_ticker_of_a_large_universe_is_found() {
        let tickers: Vec<String> = (0..12_000_u32).map(|n| format!("T{:X}", n * 7919)).collect();
        let universe = Universe::new(tickers.iter().map(|ticker| listing(ticker)), 4);
        for (index, ticker) in (0..).zip(&tickers) {
            assert_eq!(universe.find(ticker), Some(index), "{ticker}");
        }
        assert_eq!(Universe::default().find("A"), None);
    }
}
