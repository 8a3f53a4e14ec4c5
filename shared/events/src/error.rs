//! Why a payload is not an event.

use std::fmt;

/// Why a payload is not an event that `domain` accepts. The same bytes will not decode later either: class Invalid.
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
