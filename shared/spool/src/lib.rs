//! A bounded queue of records on disk, for what has to wait while its receiver is away.
//!
//! Records are appended to segment files, read in order, and released once somebody else has them; a segment whose
//! records are all released is deleted. One process owns a folder. What was appended survives the end of the process,
//! whatever ends it; a loss of power takes at most what was not synced yet. Opening finds every record up to the first
//! that is torn or damaged, and cuts the rest off: what is read is always a beginning of what was appended.

mod error;
mod frame;
mod queue;
mod segment;

pub use error::{AppendError, SpoolError};
pub use frame::RECORD_BYTES_MAX;
pub use queue::{Recovered, Spool, Unsynced};
