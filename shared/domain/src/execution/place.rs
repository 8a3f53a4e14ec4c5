//! Which order of a plan an order is.

use crate::execution::Leg;

/// The slice that plans without several targets consist of, and that every closing order counts as.
pub const FIRST_SLICE: u32 = 1;

/// The place of an order in its plan. Its client order id is made from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderPlace {
    /// The part it plays.
    pub leg: Leg,
    /// The slice of the position that it serves, from 1.
    pub slice: u32,
    /// Counts the orders of this leg and slice from 1.
    pub attempt: u32,
}

impl OrderPlace {
    /// A place in the first slice.
    pub const fn first(leg: Leg, attempt: u32) -> Self {
        Self { leg, slice: FIRST_SLICE, attempt }
    }

    /// The place of the order that takes this one's.
    pub const fn next(self) -> Self {
        Self { attempt: self.attempt + 1, ..self }
    }
}
