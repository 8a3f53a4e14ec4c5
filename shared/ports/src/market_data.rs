//! A live feed of trades.

use std::collections::HashMap;
use std::future::Future;

use domain::market::{ConditionScheme, SecurityType, Tape, Trade};
use domain::{Symbol, UnixNanos};
use foldhash::fast::RandomState;

use crate::error::VendorError;

/// A symbol that a feed can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The ticker.
    pub symbol: Symbol,
    /// What kind of paper it is.
    pub security_type: SecurityType,
}

/// A live feed of trades of the symbols it was opened for.
///
/// Symbols are indices into that list, so that nothing is allocated or compared per trade.
pub trait MarketDataPort {
    /// The feed's name in events, for example `finnhub`.
    fn source(&self) -> &'static str;

    /// Which prints it carries.
    fn tape(&self) -> Tape;

    /// How it writes trade conditions.
    fn scheme(&self) -> ConditionScheme;

    /// Waits until something arrives or changes, and adds whole frames to `buffer`: one at least, and as many more as
    /// are there already, up to a limit. Reconnects by itself and says so. Cancel safe.
    fn receive(&mut self, buffer: &mut PrintBuffer) -> impl Future<Output = FeedState> + Send;
}

/// What [`MarketDataPort::receive`] has to tell.
#[derive(Debug)]
pub enum FeedState {
    /// Frames came; the buffer holds what was in them.
    Received,
    /// The connection stands and every symbol is subscribed.
    Connected,
    /// The connection is gone; the feed is trying to get it back.
    Disconnected(VendorError),
}

/// A trade as a feed reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Print {
    /// Index into the list of symbols that the feed was opened for.
    pub symbol: u32,
    /// Index into [`PrintBuffer::condition_sets`].
    pub conditions: u32,
    /// The trade.
    pub trade: Trade,
}

/// A trade, or a whole frame, that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Short name from a closed set: `malformed_frame`, `unknown_symbol`, `bad_price`, `bad_size`, `bad_time`,
    /// `bad_conditions`, `vendor_error`, `repeated_frame`.
    pub code: &'static str,
    /// The symbol concerned, as the vendor wrote it.
    pub subject: Option<String>,
    /// The field and its value, and what is wrong with it.
    pub detail: String,
}

/// Something that a feed says of a symbol beside its trades.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Index into the list of symbols that the feed was opened for.
    pub symbol: u32,
    /// The source's time of it.
    pub at: UnixNanos,
    /// What it is.
    pub what: NoticeKind,
    /// The vendor's codes and words.
    pub detail: String,
}

/// What a [`Notice`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// Trading is halted or paused.
    Halted,
    /// Trading goes on.
    Resumed,
    /// A trade reported earlier is changed by the exchange.
    Corrected,
    /// A trade reported earlier never was.
    Cancelled,
    /// The feed counts more trades from `at` until `until` than it has sent.
    Missing {
        /// First instant after the stretch that was counted.
        until: UnixNanos,
        /// How many more.
        trades: u32,
    },
}

/// What a feed has received; reused, so that a steady feed allocates nothing.
#[derive(Debug, Default)]
pub struct PrintBuffer {
    /// Trades in order of arrival.
    pub prints: Vec<Print>,
    /// Every condition list met so far.
    pub condition_sets: ConditionSets,
    /// What was not taken, and why.
    pub refused: Vec<Refusal>,
    /// What was said beside trades.
    pub notices: Vec<Notice>,
    /// Prints of less than one share: a new price, but no trade.
    pub price_updates: u64,
    /// Frames read.
    pub frames: u64,
}

impl PrintBuffer {
    /// Empties everything but the dictionary of conditions.
    pub fn clear(&mut self) {
        self.prints.clear();
        self.notices.clear();
        self.refused.clear();
        self.price_updates = 0;
        self.frames = 0;
    }
}

/// Dictionary of condition lists (the vendor's codes joined by commas); index 0 is the empty list.
#[derive(Debug)]
pub struct ConditionSets {
    texts: Vec<String>,
    index: HashMap<String, u32, RandomState>,
    written: Box<[(u128, u32); WRITTEN_FORMS]>,
}

/// How many of a feed's ways to write its lists are remembered at a time; a tape has a few dozen.
const WRITTEN_FORMS: usize = 256;

impl Default for ConditionSets {
    fn default() -> Self {
        let (texts, index) = (vec![String::new()], HashMap::from_iter([(String::new(), 0)]));
        Self { texts, index, written: Box::new([(0, 0); WRITTEN_FORMS]) }
    }
}

impl ConditionSets {
    /// More different lists than any tape has; a feed that sends more is not writing conditions.
    pub const CAPACITY: usize = 4_096;

    /// The index of `text`, taken up when it is new; `None` when the dictionary is full.
    pub fn intern(&mut self, text: &str) -> Option<u32> {
        if let Some(index) = self.index.get(text) {
            return Some(*index);
        }
        if self.texts.len() >= Self::CAPACITY {
            return None;
        }
        let index = u32::try_from(self.texts.len()).ok()?;
        self.texts.push(text.to_owned());
        self.index.insert(text.to_owned(), index);
        Some(index)
    }

    /// The index of the list that a feed wrote as these bytes (up to 16, as an integer that is not zero), if it was
    /// told by [`remember`](Self::remember) and not forgotten since.
    #[inline]
    pub fn recall(&self, written: u128) -> Option<u32> {
        let (known, index) = self.written[place(written)];
        (known == written && written != 0).then_some(index)
    }

    /// Keeps for [`recall`](Self::recall) how the feed writes the list at `index`.
    pub fn remember(&mut self, written: u128, index: u32) {
        self.written[place(written)] = (written, index);
    }

    /// Every list, by index.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }
}

#[inline]
const fn place(written: u128) -> usize {
    let mixed = (written ^ written >> 64) as u64;
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - WRITTEN_FORMS.ilog2())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_list_keeps_its_index_and_the_dictionary_is_bounded() {
        let mut sets = ConditionSets::default();
        let first = sets.intern("1,12");
        assert_eq!((sets.intern(""), first, sets.intern("1,12")), (Some(0), Some(1), Some(1)));
        for n in 0..ConditionSets::CAPACITY {
            sets.intern(&n.to_string());
        }
        assert_eq!((sets.intern("one more"), sets.intern("1,12")), (None, first));
        assert_eq!(sets.texts().len(), ConditionSets::CAPACITY);
    }

    #[test]
    fn only_the_form_that_was_remembered_is_recalled() {
        let mut sets = ConditionSets::default();
        let forms: Vec<u128> = (1..=2_000).map(|n| (n << 64) | (n * 31)).collect();
        assert_eq!((sets.recall(0), sets.recall(forms[0])), (None, None));
        for (index, form) in (1..).zip(&forms) {
            sets.remember(*form, index);
            assert_eq!(sets.recall(*form), Some(index));
        }
        for (index, form) in (1..).zip(&forms) {
            assert!(sets.recall(*form).is_none_or(|recalled| recalled == index), "another list's index");
        }
    }
}
