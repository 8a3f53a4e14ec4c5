//! Every event of the suite in one type.

use serde::Serialize;

use crate::control::{
    AlertAcknowledged, ConfigActivated, DeadLetterHandled, FlattenCancelled, FlattenRequested, StrategyPaused,
    TradingStateChanged,
};
use crate::execution::{
    AccountObserved, DeadlineReached, FillRecorded, OrderIntended, OrderUpdated, OwnerChanged, PlanClosed,
    PlanExecuted, PositionReconciled,
};
use crate::market::{FeedGapDetected, NewsPublished, ReferenceUpdated, TradeBatch, TradingStatusChanged};
use crate::ops::{ErrorRaised, ReadinessReported};
use crate::plan::{PlanProposed, RoundClosed};
use crate::risk::{DayOpened, PlanApproved, PlanDenied, TradingStateLowered};
use crate::scan::{CandidatesEvaluated, RoundOpened, ScanRoundCompleted, SignalGenerated};

macro_rules! events {
    ($($stream:ident: $($name:ident),+;)+) => {
        /// Something that happened, in domain types.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[allow(missing_docs)] // each variant is named after the event it holds
        pub enum Event {
            $($($name($name),)+)+
        }

        impl Event {
            /// The event's name, as in its protobuf message.
            pub const fn name(&self) -> &'static str {
                match self { $($(Self::$name(_) => stringify!($name),)+)+ }
            }

            /// The stream it belongs to.
            pub const fn stream(&self) -> StreamName {
                match self { $($(Self::$name(_) => StreamName::$stream,)+)+ }
            }
        }

        $($(impl From<$name> for Event {
            fn from(event: $name) -> Self {
                Self::$name(event)
            }
        })+)+
    };
}

events! {
    Market: TradeBatch, ReferenceUpdated, NewsPublished, FeedGapDetected, TradingStatusChanged;
    Scan: SignalGenerated, CandidatesEvaluated, ScanRoundCompleted, RoundOpened;
    Plan: RoundClosed, PlanProposed;
    Risk: DayOpened, PlanApproved, PlanDenied, TradingStateLowered;
    Order: OrderIntended, OrderUpdated, FillRecorded, PlanExecuted, PlanClosed, AccountObserved, PositionReconciled, DeadlineReached, OwnerChanged;
    Control: TradingStateChanged, FlattenRequested, FlattenCancelled, StrategyPaused, ConfigActivated, AlertAcknowledged, DeadLetterHandled;
    Ops: ErrorRaised, ReadinessReported;
}

/// The streams that carry events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs)] // the architecture page describes each
pub enum StreamName {
    Market,
    Scan,
    Plan,
    Risk,
    Order,
    Control,
    Ops,
}

impl StreamName {
    /// All of them, in the order data moves.
    pub const ALL: [Self; 7] =
        [Self::Market, Self::Scan, Self::Plan, Self::Risk, Self::Order, Self::Control, Self::Ops];

    /// The stream's name on the server.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Market => "MARKET",
            Self::Scan => "SCAN",
            Self::Plan => "PLAN",
            Self::Risk => "RISK",
            Self::Order => "ORDER",
            Self::Control => "CONTROL",
            Self::Ops => "OPS",
        }
    }

    /// The first token of its subjects and the name of its protobuf package.
    pub const fn package(self) -> &'static str {
        match self {
            Self::Market => "market",
            Self::Scan => "scan",
            Self::Plan => "plan",
            Self::Risk => "risk",
            Self::Order => "order",
            Self::Control => "control",
            Self::Ops => "ops",
        }
    }
}

/// What goes with every event: who made it, and from what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Meta {
    /// Identity of the event; the same for the same content.
    pub id: crate::id::EventId,
    /// The service that made it.
    pub source: String,
    /// When this record was made, on that service's wall clock.
    pub ts_init: crate::time::UnixNanos,
    /// The event that caused this one.
    pub causation: Option<crate::id::EventId>,
    /// The story it belongs to: the plan, signal or round id.
    pub correlation: Option<String>,
    /// W3C trace context.
    pub traceparent: Option<String>,
}
