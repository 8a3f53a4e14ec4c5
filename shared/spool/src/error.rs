//! What can go wrong with a folder of records.

use std::io;
use std::path::PathBuf;

/// A failure that leaves the spool unusable.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Another process has it open.
    #[error("the spool in {} belongs to another process", .0.display())]
    Locked(PathBuf),
    /// The folder or a file in it cannot be used.
    #[error("{what} {}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A record is not what was appended: the disk has changed it. Opening the spool again cuts it off.
    #[error("record {seq} in {} is damaged", path.display())]
    Damaged {
        /// The record.
        seq: u64,
        /// Its segment.
        path: PathBuf,
    },
}

/// Why a record was not appended; nothing of it is left.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The spool or the disk is full.
    #[error("the spool is full")]
    Full,
    /// The record is longer than [`RECORD_BYTES_MAX`](crate::RECORD_BYTES_MAX).
    #[error("a record of {0} bytes is too long for the spool")]
    TooLong(usize),
    /// The disk cannot be written.
    #[error("the spool cannot be written")]
    Io(#[source] SpoolError),
}

impl SpoolError {
    pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }
}

impl From<SpoolError> for AppendError {
    fn from(error: SpoolError) -> Self {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        match &error {
            SpoolError::Io { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded | FileTooLarge) => {
                Self::Full
            }
            SpoolError::Io { .. } | SpoolError::Locked(_) | SpoolError::Damaged { .. } => Self::Io(error),
        }
    }
}
