//! What the ledger wants appended.

use super::{DayOpened, PlanApproved, PlanDenied, TradingStateLowered};
use crate::event::Event;
use crate::id::EventId;

/// One entry of the ledger, not yet written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // each variant is named after what it does with the event it holds
pub enum Decision {
    OpenDay(DayOpened),
    LowerState(TradingStateLowered),
    Approve(PlanApproved),
    Deny(PlanDenied),
}

impl Decision {
    /// Identity of the entry: the same for the same question, whatever the answer.
    pub fn event_id(&self) -> EventId {
        match self {
            Self::OpenDay(day) => EventId::from_parts(&["day_opened", &day.account, &self.about()]),
            Self::LowerState(lowered) => {
                EventId::from_parts(&["lowered", &self.about(), &format!("{:?}", lowered.limit)])
            }
            Self::Approve(_) | Self::Deny(_) => EventId::from_parts(&["decision", &self.about()]),
        }
    }

    /// The session or plan it is about.
    pub fn about(&self) -> String {
        match self {
            Self::OpenDay(day) => day.session_date.to_string(),
            Self::LowerState(lowered) => lowered.session_date.to_string(),
            Self::Approve(approved) => approved.plan.plan_id.to_string(),
            Self::Deny(denied) => denied.plan_id.to_string(),
        }
    }

    /// The event to append.
    pub fn into_event(self) -> Event {
        match self {
            Self::OpenDay(day) => day.into(),
            Self::LowerState(lowered) => lowered.into(),
            Self::Approve(approved) => approved.into(),
            Self::Deny(denied) => denied.into(),
        }
    }
}
