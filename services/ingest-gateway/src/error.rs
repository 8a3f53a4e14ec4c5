//! What ends the gateway.

use std::error::Error;
use std::sync::Arc;

use bus::{BusError, Class};
use events::DecodeError;
use ports::VendorError;
use spool::SpoolError;

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// A failure that the gateway cannot work around.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The bus cannot be read at start.
    #[error("the bus does not answer")]
    Bus(#[from] BusError),
    /// The newest batch of a partition cannot be read, so its numbers cannot be continued.
    #[error("message {seq} on {subject} is no batch that this version can read")]
    StoredBatch {
        /// The partition's subject.
        subject: String,
        /// The message's sequence in the stream.
        seq: u64,
        /// What is wrong with it.
        #[source]
        source: DecodeError,
    },
    /// A lane stopped: another gateway writes it, or the server refuses the message.
    #[error("the lane {subject} has stopped")]
    Lane {
        /// The partition's subject.
        subject: String,
        /// The bus's reason, where it gave one.
        #[source]
        source: Option<Arc<BusError>>,
    },
    /// The spool cannot be opened or read; opened again, it begins with what is whole.
    #[error("the spool")]
    Spool(#[from] SpoolError),
    /// The disk does not take what was spooled.
    #[error("the spool cannot be synced")]
    SpoolSync {
        /// The disk's reason.
        source: std::io::Error,
    },
    /// A key cannot be read.
    #[error("configuration")]
    Keys(#[from] chassis::Fault),
    /// A vendor's client cannot be set up.
    #[error("vendor set-up")]
    Vendor(#[from] VendorError),
    /// The vendor lists more symbols than the configuration allows, or none.
    #[error("{found} symbols to follow, must be 1 to {max}: set gateway.universe.symbols, mics or symbols_max")]
    Universe {
        /// Symbols found.
        found: usize,
        /// Symbols allowed.
        max: usize,
    },
}

impl GatewayError {
    /// True where beginning again helps: the bus was away, or another gateway has written the feed's lanes.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Bus(error) => matches!(error.class(), Class::Transient | Class::UnknownOutcome),
            Self::Lane { source, .. } => matches!(source.as_deref(), Some(BusError::Fenced { .. })),
            Self::Keys(_)
            | Self::StoredBatch { .. }
            | Self::Spool(_)
            | Self::SpoolSync { .. }
            | Self::Vendor(_)
            | Self::Universe { .. } => false,
        }
    }
}
