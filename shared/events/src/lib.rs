//! The protobuf contracts and the only conversions between wire and domain.
//!
//! An event's payload is its protobuf message alone; the name of the message travels beside it (`ce-type`).
//! [`encode`] and [`decode`] carry every event; [`TradeBatchWriter`] and [`TradeBatchReader`] are the quick way for
//! the one event that there are millions of. Decoding takes nothing on trust: a value outside what `domain` allows is
//! refused with an error that names the field and the value.

use bytes::Bytes;
use domain::Event;

mod control;
mod error;
mod fields;
mod market;
mod ops;
mod order;
mod plan;
mod reference;
#[cfg(test)]
mod refused;
mod risk;
mod scan;
mod trade_batch;
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)] // generated from `proto/`
mod wire {
    include!(concat!(env!("OUT_DIR"), "/finagent.rs"));
    pub(crate) use finagent::{control, market, ops, order, plan, risk, scan};
}

pub use error::DecodeError;
pub use trade_batch::{BatchHeader, Print, Row, TradeBatchReader, TradeBatchWriter};

use fields::Payload;

/// The descriptors of every contract, a serialised `google.protobuf.FileDescriptorSet`, for tools that decode by name.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/finagent.binpb"));

macro_rules! contracts {
    ($($package:literal: $($name:ident),+;)+) => {
        const TYPE_NAMES: &[&str] = &[$($(concat!("finagent.", $package, ".", stringify!($name)),)+)+];

        /// The full protobuf name of an event's message, for example `finagent.plan.v1.PlanProposed`.
        pub const fn type_name(event: &Event) -> &'static str {
            match event {
                $($(Event::$name(_) => concat!("finagent.", $package, ".", stringify!($name)),)+)+
            }
        }

        /// An event's payload.
        pub fn encode(event: &Event) -> Bytes {
            match event {
                $($(Event::$name(event) => event.to_payload().into(),)+)+
            }
        }

        /// The event in `payload`, whose message is called `type_name`.
        ///
        /// # Errors
        /// [`DecodeError::UnknownType`] for a name that is not in [`known_types`], newer versions among them;
        /// [`DecodeError::Malformed`] and [`DecodeError::Field`] for bytes and values that the contract does not allow.
        pub fn decode(type_name: &str, payload: &[u8]) -> Result<Event, DecodeError> {
            $($(if type_name == concat!("finagent.", $package, ".", stringify!($name)) {
                return Ok(Event::$name(Payload::from_payload(payload)?));
            })+)+
            Err(DecodeError::UnknownType(type_name.chars().take(100).collect()))
        }
    };
}

contracts! {
    "market.v1": TradeBatch, ReferenceUpdated, NewsPublished, FeedGapDetected, TradingStatusChanged;
    "scan.v1": SignalGenerated, CandidatesEvaluated, ScanRoundCompleted, RoundOpened;
    "plan.v1": RoundClosed, PlanProposed;
    "risk.v1": DayOpened, PlanApproved, PlanDenied, TradingStateLowered;
    "order.v1": OrderIntended, OrderUpdated, FillRecorded, PlanExecuted, PlanClosed, AccountObserved,
        PositionReconciled, DeadlineReached, OwnerChanged;
    "control.v1": TradingStateChanged, FlattenRequested, FlattenCancelled, StrategyPaused, ConfigActivated,
        AlertAcknowledged, DeadLetterHandled;
    "ops.v1": ErrorRaised, ReadinessReported;
}

/// The full protobuf names of every event, in the order data moves.
pub const fn known_types() -> &'static [&'static str] {
    TYPE_NAMES
}
