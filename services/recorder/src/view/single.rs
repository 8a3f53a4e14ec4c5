//! Rows that one event makes alone.

use domain::control::Authorship;
use domain::{Event, calendar};
use serde_json::{Value, json};

use super::{Recorded, Row, View, body, happened_at, session_of};

/// The rows that this event alone decides; a later event of the same thing replaces them.
pub fn single(recorded: &Recorded) -> Vec<Row> {
    match &recorded.event {
        Event::NewsPublished(e) => e
            .symbols
            .iter()
            .map(|symbol| {
                let id = format!("{}.{}", e.news_id, symbol.subject_token());
                let doc = json!({
                    "id": id,
                    "symbol": symbol,
                    "headline": e.headline,
                    "source": e.source,
                    "url": e.url,
                    "published_at": e.published_at,
                });
                let day = calendar::session_at(e.published_at).date;
                Row::new(View::News, id, day, e.published_at, &doc).of_symbol(symbol)
            })
            .collect(),
        Event::ReferenceUpdated(e) => {
            let id = format!("{}.{}", e.session_date, e.symbol.subject_token());
            vec![Row::new(View::Reference, id, e.session_date, e.as_of, e).of_symbol(&e.symbol)]
        }
        Event::FeedGapDetected(e) => {
            let day = calendar::session_at(e.from).date;
            vec![Row::new(View::FeedGaps, &recorded.id, day, e.from, e)]
        }
        Event::SignalGenerated(e) => {
            let doc = json!({
                "id": e.signal_id,
                "round_id": e.round.round_id,
                "symbol": e.candidate.symbol,
                "score": e.candidate.score,
                "session_date": e.round.session_date,
                "generated_at": e.round.due,
            });
            let (day, at) = (e.round.session_date, e.round.due);
            vec![Row::new(View::Signals, e.signal_id.as_str(), day, at, &doc).of_symbol(&e.candidate.symbol)]
        }
        Event::ReadinessReported(e) => {
            let id = format!("{}/{}", e.service, e.instance);
            let mut row = Row::new(View::Readiness, id, calendar::session_at(e.at).date, e.at, e);
            row.live = e.running;
            vec![row]
        }
        Event::TradingStateChanged(e) => vec![audit(recorded, &e.by)],
        Event::FlattenRequested(e) => vec![audit(recorded, &e.by)],
        Event::FlattenCancelled(e) => vec![audit(recorded, &e.by)],
        Event::StrategyPaused(e) => vec![audit(recorded, &e.by)],
        Event::ConfigActivated(e) => vec![audit(recorded, &e.by)],
        Event::AlertAcknowledged(e) => vec![audit(recorded, &e.by)],
        Event::DeadLetterHandled(e) => vec![audit(recorded, &e.by)],
        Event::TradeBatch(_)
        | Event::TradingStatusChanged(_)
        | Event::CandidatesEvaluated(_)
        | Event::ScanRoundCompleted(_)
        | Event::RoundOpened(_)
        | Event::RoundClosed(_)
        | Event::PlanProposed(_)
        | Event::DayOpened(_)
        | Event::PlanApproved(_)
        | Event::PlanDenied(_)
        | Event::TradingStateLowered(_)
        | Event::OrderIntended(_)
        | Event::OrderUpdated(_)
        | Event::FillRecorded(_)
        | Event::PlanExecuted(_)
        | Event::PlanClosed(_)
        | Event::AccountObserved(_)
        | Event::PositionReconciled(_)
        | Event::DeadlineReached(_)
        | Event::OwnerChanged(_)
        | Event::ErrorRaised(_) => Vec::new(),
    }
}

fn audit(recorded: &Recorded, by: &Authorship) -> Row {
    let mut asked = body(&recorded.event);
    if let Value::Object(fields) = &mut asked {
        fields.remove("by");
        // The event has it, and so has the list of versions.
        fields.remove("strategy_yaml");
    }
    let at = happened_at(&recorded.event);
    let doc = json!({
        "id": recorded.id,
        "type": recorded.event.name(),
        "author": by.author,
        "reason": by.reason,
        "request_id": by.request_id,
        "asked": asked,
        "at": at,
    });
    Row::new(View::Audit, &recorded.id, session_of(&recorded.event), at, &doc)
}
