//! The trading state in force: the strictest of what people and limits say.

use serde::{Deserialize, Serialize};

use super::TradingState;
use crate::event::Event;
use crate::time::SessionDate;

/// Folds CONTROL and RISK into the state in force.
///
/// A person's word holds until a person says otherwise; a limit's lock ends with its session.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TradingStateBook {
    by_person: TradingState,
    flatten_requested: bool,
    by_limit: Option<(SessionDate, TradingState)>,
}

impl TradingStateBook {
    /// Takes an event; those that say nothing of the trading state change nothing.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::TradingStateChanged(change) => {
                self.by_person = change.state;
                self.flatten_requested = false;
            }
            Event::FlattenRequested(_) => self.flatten_requested = true,
            Event::FlattenCancelled(_) => self.flatten_requested = false,
            Event::TradingStateLowered(lowered) => {
                let now = (lowered.session_date, lowered.state);
                self.by_limit = Some(self.by_limit.map_or(now, |held| held.max(now)));
            }
            _ => {}
        }
    }

    /// The state in force on `session`.
    pub fn in_force(&self, session: SessionDate) -> TradingState {
        let limit = self.by_limit.filter(|(date, _)| *date == session).map_or(TradingState::Normal, |(_, state)| state);
        let flatten = if self.flatten_requested { TradingState::Flatten } else { TradingState::Normal };
        self.by_person.max(flatten).max(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{Authorship, TradingStateChanged};
    use crate::money::Micro;
    use crate::risk::{RiskLimit, TradingStateLowered};
    use crate::time::UnixNanos;

    fn date(text: &str) -> SessionDate {
        text.parse().unwrap()
    }

    fn lowered(day: &str, state: TradingState) -> Event {
        let zero = Micro::default();
        let at = UnixNanos::default();
        TradingStateLowered {
            session_date: date(day),
            state,
            limit: RiskLimit::DailyLossSoft,
            value: zero,
            threshold: zero,
            at,
            inputs: Vec::new(),
        }
        .into()
    }

    fn changed(state: TradingState) -> Event {
        let by = Authorship {
            author: "a".into(),
            reason: "r".into(),
            requested_at: UnixNanos::default(),
            request_id: "1".into(),
        };
        TradingStateChanged { state, by }.into()
    }

    #[test]
    fn strictest_holds_and_a_limits_lock_ends_with_its_session() {
        let mut book = TradingStateBook::default();
        book.apply(&lowered("2026-11-24", TradingState::Flatten));
        book.apply(&lowered("2026-11-24", TradingState::NoEntry));
        book.apply(&changed(TradingState::NoEntry));
        assert_eq!(book.in_force(date("2026-11-24")), TradingState::Flatten);
        assert_eq!(book.in_force(date("2026-11-25")), TradingState::NoEntry);
        book.apply(&changed(TradingState::Normal));
        assert_eq!(book.in_force(date("2026-11-24")), TradingState::Flatten, "not even a person lifts a limit's lock");
        assert_eq!(book.in_force(date("2026-11-25")), TradingState::Normal);
        book.apply(&lowered("2026-11-25", TradingState::NoEntry));
        book.apply(&lowered("2026-11-24", TradingState::Halt));
        assert_eq!(book.in_force(date("2026-11-25")), TradingState::NoEntry, "an older session's lock comes late");
    }
}
