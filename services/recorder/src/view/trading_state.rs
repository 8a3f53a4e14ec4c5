//! What may be traded, from what persons asked for and what the risk engine lowered.

use domain::risk::TradingState;
use domain::{Event, SessionDate, UnixNanos};
use serde_json::json;

use super::{Recorded, Row, View};

/// The one row of the trading state.
///
/// A person's state holds until a person changes it; the engine's lock holds for its session, whatever a person sets
/// meanwhile. The stricter of the two is in force. Streams have no common order, so what happened first is told by the wall
/// time at which each event was made.
pub fn trading_state(events: &[Recorded]) -> Option<Row> {
    let mut ordered: Vec<&Recorded> = events.iter().collect();
    ordered.sort_by_key(|r| (r.ts_init, r.seq));
    let mut person = TradingState::Normal;
    let mut flattening = false;
    let mut lock: Option<(TradingState, SessionDate)> = None;
    let mut last: Option<(UnixNanos, String, String)> = None;
    for recorded in ordered {
        let (by, why) = match &recorded.event {
            Event::TradingStateChanged(e) => {
                (person, flattening) = (e.state, false);
                (e.by.author.clone(), e.by.reason.clone())
            }
            Event::FlattenRequested(e) => {
                flattening = true;
                (e.by.author.clone(), e.by.reason.clone())
            }
            Event::FlattenCancelled(e) => {
                flattening = false;
                (e.by.author.clone(), e.by.reason.clone())
            }
            Event::TradingStateLowered(e) => {
                let held = lock.filter(|(_, date)| *date == e.session_date).map_or(e.state, |(s, _)| s.max(e.state));
                lock = Some((held, e.session_date));
                ("risk-engine".to_owned(), format!("{} {}, the limit is {}", e.value, e.limit.unit(), e.threshold))
            }
            _ => continue, // an event of another story
        };
        last = Some((recorded.ts_init, by, why));
    }
    let (at, by, reason) = last?;
    let asked = if flattening { person.max(TradingState::Flatten) } else { person };
    let doc = json!({
        "asked": asked,
        "locked": lock.map(|(state, _)| state),
        "locked_for": lock.map(|(_, date)| date),
        "by": by,
        "reason": reason,
        "at": at,
    });
    Some(Row::new(View::TradingState, "current", domain::calendar::session_at(at).date, at, &doc))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Micro;
    use domain::control::{Authorship, FlattenRequested, TradingStateChanged};
    use domain::risk::{RiskLimit, TradingStateLowered};

    fn at(seconds: i64, event: impl Into<Event>) -> Recorded {
        Recorded { id: seconds.to_string(), seq: 1, ts_init: UnixNanos::new(seconds), event: event.into() }
    }

    fn by(author: &str) -> Authorship {
        Authorship {
            author: author.into(),
            reason: "test".into(),
            requested_at: UnixNanos::new(0),
            request_id: "r".into(),
        }
    }

    fn lowered(state: TradingState) -> TradingStateLowered {
        TradingStateLowered {
            session_date: "2026-11-24".parse().unwrap(),
            state,
            limit: RiskLimit::DailyLossSoft,
            value: Micro::from_int(2),
            threshold: Micro::from_int(2),
            at: UnixNanos::new(0),
            inputs: vec![],
        }
    }

    fn check(events: &[Recorded], asked: &str, locked: Option<&str>) {
        let doc: serde_json::Value = serde_json::from_str(&trading_state(events).unwrap().doc).unwrap();
        assert_eq!((doc["asked"].as_str(), doc["locked"].as_str()), (Some(asked), locked));
    }

    #[test]
    fn person_and_lock_are_kept_apart() {
        let set = |state| TradingStateChanged { state, by: by("ann") };
        check(&[at(1, lowered(TradingState::NoEntry))], "normal", Some("no_entry"));
        check(&[at(1, set(TradingState::Reduce)), at(2, lowered(TradingState::NoEntry))], "reduce", Some("no_entry"));
        check(&[at(2, set(TradingState::Normal)), at(1, lowered(TradingState::Flatten))], "normal", Some("flatten"));
        check(&[at(1, FlattenRequested { by: by("ann") })], "flatten", None);
        check(&[at(1, FlattenRequested { by: by("ann") }), at(2, set(TradingState::Normal))], "normal", None);
        check(
            &[at(1, lowered(TradingState::Flatten)), at(2, lowered(TradingState::NoEntry))],
            "normal",
            Some("flatten"),
        );
    }

    #[test]
    fn without_a_word_from_anybody_there_is_no_row() {
        assert!(trading_state(&[]).is_none());
    }
}
