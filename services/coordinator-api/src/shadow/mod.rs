//! What a strategy on trial would have done beside what the suite did: agreements, differences, and why.
//!
//! [`follow`] reads the rounds and decisions of both from the bus into a [`book`], [`compare`] holds two words on the same
//! round against each other, [`refusals`] looks up why one of them refused what the other took. Only what would have been
//! traded is compared: ranks and scores may differ, plans and sizes may not.

mod book;
mod compare;
mod follow;
mod refusals;
mod report;

pub(crate) use follow::{Parity, follow};
pub use report::{Difference, Report};
