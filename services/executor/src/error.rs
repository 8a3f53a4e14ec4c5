//! Why the executor stops.

use bus::{BusError, Class};
use ports::VendorError;

/// What ends the executor; everything else is dealt with where it happens.
#[derive(Debug, thiserror::Error)]
pub enum ExecutorError {
    /// The bus is of no use any more.
    #[error("bus")]
    Bus(#[from] BusError),
    /// The broker refuses the login or answers with something else.
    #[error("broker")]
    Broker(#[from] VendorError),
    /// The keys open another account than the one that may be traded.
    #[error("the keys open account {found}, but executor.account_number is {expected}")]
    WrongAccount {
        /// The configured account.
        expected: String,
        /// The broker's.
        found: String,
    },
}

impl ExecutorError {
    /// All of these end the process, but those of the bus keep their own class.
    pub fn class(&self) -> Class {
        match self {
            Self::Bus(error) => error.class(),
            Self::Broker(_) | Self::WrongAccount { .. } => Class::Fatal,
        }
    }
}
