//! What every event says about itself: its story, session, time and readable body.

use domain::{Event, PlanId, SessionDate, UnixNanos};
use serde::Serialize;
use serde_json::Value;

/// What an event is folded into together with others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Story {
    /// A plan's life.
    Plan(String),
    /// A scan round.
    Round(String),
    /// The account on one session.
    Day(String),
    /// A fault and its repetitions.
    Error(String),
    /// What may be traded.
    TradingState,
}

impl Story {
    /// The story an event belongs to; `None` when it stands alone.
    pub fn of(event: &Event) -> Option<Self> {
        let plan = |id: &PlanId| Some(Self::Plan(id.to_string()));
        match event {
            Event::PlanProposed(e) => plan(&e.plan.plan_id),
            Event::PlanApproved(e) => plan(&e.plan.plan_id),
            Event::PlanDenied(e) => plan(&e.plan_id),
            Event::OrderIntended(e) => plan(&e.plan_id),
            Event::OrderUpdated(e) => plan(&e.plan_id),
            Event::FillRecorded(e) => plan(&e.plan_id),
            Event::PlanExecuted(e) => plan(&e.plan_id),
            Event::PlanClosed(e) => plan(&e.plan_id),
            Event::CandidatesEvaluated(e) => Some(Self::Round(e.round.round_id.to_string())),
            Event::ScanRoundCompleted(e) => Some(Self::Round(e.round.round_id.to_string())),
            Event::SignalGenerated(e) => Some(Self::Round(e.round.round_id.to_string())),
            Event::RoundOpened(e) => Some(Self::Round(e.round.round_id.to_string())),
            Event::RoundClosed(e) => Some(Self::Round(e.round.round_id.to_string())),
            Event::DayOpened(e) => Some(Self::Day(e.session_date.to_string())),
            Event::AccountObserved(e) => Some(Self::Day(e.session_date.to_string())),
            Event::ErrorRaised(e) => Some(Self::Error(e.error_id.clone())),
            Event::TradingStateChanged(_)
            | Event::TradingStateLowered(_)
            | Event::FlattenRequested(_)
            | Event::FlattenCancelled(_) => Some(Self::TradingState),
            Event::TradeBatch(_)
            | Event::ReferenceUpdated(_)
            | Event::NewsPublished(_)
            | Event::FeedGapDetected(_)
            | Event::TradingStatusChanged(_)
            | Event::PositionReconciled(_)
            | Event::DeadlineReached(_)
            | Event::OwnerChanged(_)
            | Event::StrategyPaused(_)
            | Event::ConfigActivated(_)
            | Event::AlertAcknowledged(_)
            | Event::DeadLetterHandled(_)
            | Event::ReadinessReported(_) => None,
        }
    }

    /// The story's name in the store.
    pub fn key(&self) -> String {
        match self {
            Self::Plan(id) => format!("plan/{id}"),
            Self::Round(id) => format!("round/{id}"),
            Self::Day(date) => format!("day/{date}"),
            Self::Error(id) => format!("error/{id}"),
            Self::TradingState => "trading-state".to_owned(),
        }
    }
}

/// When an event happened, by the clock it speaks of: market time for trading, wall time for the rest.
pub fn happened_at(event: &Event) -> UnixNanos {
    match event {
        Event::TradeBatch(e) => e.watermark,
        Event::ReferenceUpdated(e) => e.as_of,
        Event::NewsPublished(e) => e.published_at,
        Event::FeedGapDetected(e) => e.from,
        Event::TradingStatusChanged(e) => e.at,
        Event::SignalGenerated(e) => e.round.due,
        Event::CandidatesEvaluated(e) => e.round.due,
        Event::ScanRoundCompleted(e) => e.round.due,
        Event::RoundOpened(e) => e.round.due,
        Event::RoundClosed(e) => e.round.due,
        Event::PlanProposed(e) => e.plan.round.due,
        Event::DayOpened(e) => e.at,
        Event::PlanApproved(e) => e.decided_at,
        Event::PlanDenied(e) => e.decided_at,
        Event::TradingStateLowered(e) => e.at,
        Event::OrderIntended(e) => e.ts_event,
        Event::OrderUpdated(e) => e.ts_event,
        Event::FillRecorded(e) => e.ts_event,
        Event::PlanExecuted(e) => e.ts_event,
        Event::PlanClosed(e) => e.ts_event,
        Event::AccountObserved(e) => e.ts_event,
        Event::PositionReconciled(e) => e.ts_event,
        Event::DeadlineReached(e) => e.at,
        Event::OwnerChanged(e) => e.at,
        Event::TradingStateChanged(e) => e.by.requested_at,
        Event::FlattenRequested(e) => e.by.requested_at,
        Event::FlattenCancelled(e) => e.by.requested_at,
        Event::StrategyPaused(e) => e.by.requested_at,
        Event::ConfigActivated(e) => e.by.requested_at,
        Event::AlertAcknowledged(e) => e.by.requested_at,
        Event::DeadLetterHandled(e) => e.by.requested_at,
        Event::ErrorRaised(e) => e.at,
        Event::ReadinessReported(e) => e.at,
    }
}

/// The session an event belongs to.
pub fn session_of(event: &Event) -> SessionDate {
    match event {
        Event::ReferenceUpdated(e) => e.session_date,
        Event::SignalGenerated(e) => e.round.session_date,
        Event::CandidatesEvaluated(e) => e.round.session_date,
        Event::ScanRoundCompleted(e) => e.round.session_date,
        Event::RoundOpened(e) => e.round.session_date,
        Event::RoundClosed(e) => e.round.session_date,
        Event::PlanProposed(e) => e.plan.round.session_date,
        Event::DayOpened(e) => e.session_date,
        Event::PlanApproved(e) => e.plan.round.session_date,
        Event::PlanDenied(e) => e.session_date,
        Event::TradingStateLowered(e) => e.session_date,
        Event::OrderIntended(e) => e.session_date,
        Event::PlanClosed(e) => e.session_date,
        Event::AccountObserved(e) => e.session_date,
        Event::PositionReconciled(e) => e.session_date,
        Event::DeadlineReached(e) => e.session_date,
        other => domain::calendar::session_at(happened_at(other)).date,
    }
}

/// The fields of an event as JSON, for people and for queries; trade batches are not kept and give `null`.
pub fn body(event: &Event) -> Value {
    fn json(value: &impl Serialize) -> Value {
        serde_json::to_value(value).unwrap_or(Value::Null)
    }
    match event {
        Event::TradeBatch(_) => Value::Null,
        Event::ReferenceUpdated(e) => json(e),
        Event::NewsPublished(e) => json(e),
        Event::FeedGapDetected(e) => json(e),
        Event::TradingStatusChanged(e) => json(e),
        Event::SignalGenerated(e) => json(e),
        Event::CandidatesEvaluated(e) => json(e),
        Event::ScanRoundCompleted(e) => json(e),
        Event::RoundOpened(e) => json(e),
        Event::RoundClosed(e) => json(e),
        Event::PlanProposed(e) => json(e),
        Event::DayOpened(e) => json(e),
        Event::PlanApproved(e) => json(e),
        Event::PlanDenied(e) => json(e),
        Event::TradingStateLowered(e) => json(e),
        Event::OrderIntended(e) => json(e),
        Event::OrderUpdated(e) => json(e),
        Event::FillRecorded(e) => json(e),
        Event::PlanExecuted(e) => json(e),
        Event::PlanClosed(e) => json(e),
        Event::AccountObserved(e) => json(e),
        Event::PositionReconciled(e) => json(e),
        Event::DeadlineReached(e) => json(e),
        Event::OwnerChanged(e) => json(e),
        Event::TradingStateChanged(e) => json(e),
        Event::FlattenRequested(e) => json(e),
        Event::FlattenCancelled(e) => json(e),
        Event::StrategyPaused(e) => json(e),
        Event::ConfigActivated(e) => json(e),
        Event::AlertAcknowledged(e) => json(e),
        Event::DeadLetterHandled(e) => json(e),
        Event::ErrorRaised(e) => json(e),
        Event::ReadinessReported(e) => json(e),
    }
}
