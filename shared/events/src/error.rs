//! Why a payload is not an event.

use std::fmt;

/// What a failure means for whoever holds the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// May pass later: try again with growing delays.
    Transient,
    /// Can never pass: dead letter.
    Invalid,
    /// A business answer: publish the reason.
    Refused,
    /// Already done, or too late to matter.
    Stale,
    /// The broker may have acted: never resend blind.
    UnknownOutcome,
    /// The process cannot be trusted: stop it.
    Fatal,
}

/// Why a payload is not an event that `domain` accepts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No event of this name, or of this version, is known.
    #[error("unknown event type `{0}`")]
    UnknownType(String),
    /// The bytes are not this message.
    #[error("{message} is malformed: {reason}")]
    Malformed {
        /// The message, for example `plan.v1.PlanProposed`.
        message: &'static str,
        /// What is wrong with the bytes.
        reason: String,
    },
    /// The message is whole, and one of its values is not allowed.
    #[error("{message}: {field} is {value}, expected {expected}")]
    Field {
        /// The event's message, for example `plan.v1.PlanProposed`.
        message: &'static str,
        /// The way to the field, for example `plan.targets[1].distance`.
        field: String,
        /// What it holds.
        value: String,
        /// What it should hold.
        expected: &'static str,
    },
}

impl DecodeError {
    /// Always [`ErrorClass::Invalid`]: the same bytes will not decode later either.
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::UnknownType(_) | Self::Malformed { .. } | Self::Field { .. } => ErrorClass::Invalid,
        }
    }

    pub(crate) fn field(message: &'static str, field: &str, value: impl fmt::Debug, expected: &'static str) -> Self {
        const SHOWN: usize = 60;
        let mut value = format!("{value:?}");
        if let Some((cut, _)) = value.char_indices().nth(SHOWN) {
            value.truncate(cut);
            value.push('…');
        }
        Self::Field { message, field: field.to_owned(), value, expected }
    }

    /// The same error as seen from the message that holds the refused one in `place`.
    pub(crate) fn inside(self, outer: &'static str, place: impl fmt::Display) -> Self {
        match self {
            Self::Field { message: _, field, value, expected } => {
                Self::Field { message: outer, field: format!("{place}.{field}"), value, expected }
            }
            Self::UnknownType(_) | Self::Malformed { .. } => self,
        }
    }
}
