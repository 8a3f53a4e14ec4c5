//! What a partition's tape says of one symbol at an instant.

use super::PartitionState;
use crate::market::{SymbolState, UsualVolume};
use crate::money::Micro;
use crate::symbol::Symbol;
use crate::time::UnixNanos;

impl PartitionState {
    /// True when, in regular hours, the symbol has not printed for `silence_s` seconds while others have: without a
    /// feed of trading status a halt looks like this. A stock that hardly trades does, too.
    pub fn is_suspected_halt(&self, symbol: &Symbol, at: UnixNanos, silence_s: u32) -> bool {
        let untraded = SymbolState::default();
        let state = self.symbol_state(symbol).unwrap_or(&untraded);
        let others_print = at.since(self.newest_print) < i64::from(silence_s) * 1_000_000_000;
        let silent = self.windows.is_some_and(|w| state.silent_seconds(&w, at) >= i64::from(silence_s));
        silent && others_print
    }

    /// True when no trade between `from` and `until` is known to be missing.
    pub fn is_feed_complete(&self, from: UnixNanos, until: UnixNanos) -> bool {
        !self.gaps.iter().any(|(start, end)| *end > from && *start < until)
    }

    /// Volume since the open over what is usual by `at`, like for like; `None` before the open, without history, or
    /// when the history counts other prints than the feed.
    pub fn relative_volume(&self, symbol: &Symbol, at: UnixNanos) -> Option<Micro> {
        let since = at.since(self.windows?.session.open);
        let usual = self.usual_volume(symbol)?;
        if since > 0 { usual.relative(self.symbol_state(symbol)?.regular.volume, since) } else { None }
    }

    /// Pre-market volume over what is usual by `at` (from the open on: by the open), like for like. The usual volume is
    /// taken to be at least `floor` shares.
    pub fn relative_premarket_volume(&self, symbol: &Symbol, at: UnixNanos, floor: u64) -> Option<Micro> {
        let session = self.windows?.session;
        let since = at.min(session.open).since(session.premarket_open);
        let usual = self.usual_volume(symbol)?;
        if since > 0 {
            usual.relative_premarket(self.symbol_state(symbol)?.premarket.volume, since, floor)
        } else {
            None
        }
    }

    fn usual_volume(&self, symbol: &Symbol) -> Option<&UsualVolume> {
        let profile = self.profiles.get(symbol)?;
        let current = self.session_date() == Some(profile.session_date) && self.tape == Some(profile.tape);
        profile.usual_volume.as_ref().filter(|_| current)
    }
}
