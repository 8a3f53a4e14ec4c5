//! What can go wrong on the bus, and what to do about it.

use std::error::Error;
use std::path::PathBuf;

/// How a failure is answered: retried, given up, or fatal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// May pass later: retry with growing delays.
    Transient,
    /// This message can never pass: dead letter.
    Invalid,
    /// A business answer: publish the reason, go on.
    Refused,
    /// Already done, or too late to matter: count it, go on.
    Stale,
    /// The other side may have acted: ask before acting again.
    UnknownOutcome,
    /// The process cannot be trusted any more: stop.
    Fatal,
}

impl Class {
    /// The name in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Invalid => "invalid",
            Self::Refused => "refused",
            Self::Stale => "stale",
            Self::UnknownOutcome => "unknown_outcome",
            Self::Fatal => "fatal",
        }
    }
}

pub(crate) type Source = Box<dyn Error + Send + Sync>;

/// A failure of the bus or of a message on it.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The address or the settings cannot be used.
    #[error("bus.{key}: `{value}` cannot be used")]
    Config {
        /// Key below `bus`.
        key: &'static str,
        /// Its value.
        value: String,
        /// Why.
        source: Source,
    },
    /// A secret or certificate file cannot be read.
    #[error("bus.{key}: cannot read {path}")]
    File {
        /// Key below `bus`.
        key: &'static str,
        /// The file it names.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No server answered in time.
    #[error("no bus at {url} within {waited_ms} ms (last: {last})")]
    Unreachable {
        /// Where it was expected.
        url: String,
        /// How long we waited.
        waited_ms: u128,
        /// The last connection error.
        last: String,
    },
    /// The server refused the login.
    #[error("the bus at {url} refused the login of `{user}`")]
    LoginRefused {
        /// The server.
        url: String,
        /// The user, or `anonymous`.
        user: String,
    },
    /// A request to the server got no answer or a passing refusal.
    #[error("{what} failed")]
    Request {
        /// What was asked.
        what: String,
        /// Why.
        source: Source,
    },
    /// The server's stream, consumer or bucket differs from the topology and cannot be changed in place.
    #[error("{what} on the server conflicts with the topology: {detail}")]
    Conflict {
        /// Which.
        what: String,
        /// The server's words.
        detail: String,
    },
    /// A stream, consumer or bucket that the topology declares is not on the server.
    #[error("{what} does not exist on the server; `fin topology apply` creates it")]
    Missing {
        /// Which.
        what: String,
    },
    /// No acknowledgement before the deadline. It may be stored; the same event can safely be published again.
    #[error("{subject} was not acknowledged within {waited_ms} ms")]
    Unacknowledged {
        /// The subject.
        subject: String,
        /// How long we tried.
        waited_ms: u128,
        /// The last reason.
        source: Source,
    },
    /// The server will not store this message, now or later.
    #[error("{subject} was refused by the server")]
    PublishRefused {
        /// The subject.
        subject: String,
        /// Why.
        source: Source,
    },
    /// The id was used before for another subject, so the server dropped the message as a duplicate.
    #[error("event id {id} was already used for another subject than {subject}")]
    IdReused {
        /// The id.
        id: String,
        /// The subject it was now meant for.
        subject: String,
    },
    /// A message's headers or payload do not make an event.
    #[error("{subject}: {reason}")]
    Undecodable {
        /// The subject.
        subject: String,
        /// Which header or field, and its value.
        reason: String,
    },
    /// The stream lost messages that had been read, or was made anew: state folded from it is void.
    #[error("{stream} ends at {last} but {had} was already read: it was truncated or made anew")]
    StreamWentBack {
        /// The stream.
        stream: &'static str,
        /// Last sequence read.
        had: u64,
        /// Last sequence it has.
        last: u64,
    },
    /// Messages that should have been read were dropped by the stream's limits.
    #[error("{stream} begins at {first} but {wanted} was to be read next")]
    Truncated {
        /// The stream.
        stream: &'static str,
        /// Next sequence to read.
        wanted: u64,
        /// First sequence it has.
        first: u64,
    },
    /// Messages wait, but the server has delivered none for long, also to a new reader.
    #[error("{stream}: {pending} messages wait but none is delivered")]
    Stalled {
        /// The stream.
        stream: &'static str,
        /// Messages waiting.
        pending: u64,
    },
    /// Another writer has published on a lane that has a single owner.
    #[error("{subject} has another writer: expected sequence {expected}, found {found} with id {id}")]
    Fenced {
        /// The lane.
        subject: String,
        /// Sequence of our last message.
        expected: u64,
        /// Sequence of the newest message.
        found: u64,
        /// Its id.
        id: String,
    },
}

impl BusError {
    /// How this failure is answered.
    pub const fn class(&self) -> Class {
        match self {
            Self::Unreachable { .. } | Self::Request { .. } | Self::Unacknowledged { .. } => Class::Transient,
            Self::PublishRefused { .. } | Self::IdReused { .. } | Self::Undecodable { .. } => Class::Invalid,
            Self::Config { .. }
            | Self::File { .. }
            | Self::LoginRefused { .. }
            | Self::Conflict { .. }
            | Self::Missing { .. }
            | Self::StreamWentBack { .. }
            | Self::Truncated { .. }
            | Self::Stalled { .. }
            | Self::Fenced { .. } => Class::Fatal,
        }
    }

    pub(crate) fn request(what: impl Into<String>, source: impl Into<Source>) -> Self {
        Self::Request { what: what.into(), source: source.into() }
    }
}
