//! What the executor's shell is asked to do.

use crate::event::Event;
use crate::execution::approved::NewOrder;
use crate::id::{ClientOrderId, VenueOrderId};
use crate::money::Price;
use crate::ops::Severity;
use crate::time::UnixNanos;

/// One thing to do. Doing it twice is harmless: records have content ids, the broker knows our order ids.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // lives for one turn, in lists of a few
pub enum Effect {
    /// Append the event to ORDER, then fold it.
    Record(Event),
    /// Append the order's intent to ORDER if it is not there, then send it.
    Submit(NewOrder),
    /// Ask the broker about an order, by its own id where known.
    Query {
        /// Our id.
        client_order_id: ClientOrderId,
        /// The broker's id.
        venue_order_id: Option<VenueOrderId>,
    },
    /// Cancel an order.
    Cancel {
        /// Our id.
        client_order_id: ClientOrderId,
        /// The broker's id.
        venue_order_id: VenueOrderId,
        /// Market time of the decision.
        at: UnixNanos,
    },
    /// Change the price of a leg; the broker makes a new order of it.
    Replace {
        /// Our id of the order now working.
        client_order_id: ClientOrderId,
        /// The broker's id of it.
        venue_order_id: VenueOrderId,
        /// Our id of the order that takes its place.
        replacement: ClientOrderId,
        /// New stop price of a stop.
        stop_price: Option<Price>,
        /// New limit price of a target.
        limit_price: Option<Price>,
        /// Market time of the decision.
        at: UnixNanos,
    },
    /// Read orders, fills and positions from the broker.
    Backfill,
    /// Tell a person.
    Raise(Alert),
}

impl Effect {
    /// True when it changes something at the broker.
    pub const fn is_sent(&self) -> bool {
        match self {
            Self::Submit(_) | Self::Cancel { .. } | Self::Replace { .. } => true,
            Self::Record(_) | Self::Query { .. } | Self::Backfill | Self::Raise(_) => false,
        }
    }
}

/// Something a person should see; raised once per code and subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// How bad it is.
    pub severity: Severity,
    /// Short name, a closed set.
    pub code: &'static str,
    /// What it is about: a symbol, a plan or an order.
    pub subject: String,
    /// One sentence.
    pub message: String,
}

impl Alert {
    /// The same for the same fault.
    pub fn key(&self) -> String {
        format!("{}/{}", self.code, self.subject)
    }
}
