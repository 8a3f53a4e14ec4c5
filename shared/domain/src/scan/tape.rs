//! What a partition's tape says of one symbol at an instant.

use super::PartitionState;
use crate::market::UsualVolume;
use crate::money::Micro;
use crate::symbol::Symbol;
use crate::time::UnixNanos;

impl PartitionState {
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
