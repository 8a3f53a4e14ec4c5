//! Where messages go: hooks and chats by HTTP, mail by SMTP.

use std::time::Duration;

use chassis::Fault;

use super::config::Target;
use super::hook::Hook;
use super::mail::Mail;
use super::text::{Message, cut};

/// Most characters of an answer that are kept.
const DETAIL_MAX: usize = 300;

/// A way to a target, with what opens it.
pub(super) enum Endpoint {
    Hook(Box<Hook>),
    Mail(Box<Mail>),
}

/// An attempt that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub(super) struct Failure {
    /// What came back, without secrets.
    pub(super) detail: String,
    /// True when another attempt may succeed.
    pub(super) retry: bool,
    /// How long to wait before it, as the target asked.
    pub(super) after: Option<Duration>,
}

impl Failure {
    pub(super) fn passing(detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), retry: true, after: None }
    }
}

impl Endpoint {
    /// The way to `target`, whose keys stand under `key`; an attempt takes at most `timeout`.
    ///
    /// # Errors
    /// Names the key that is missing, and a file or address that cannot be used.
    pub(super) fn of(target: &Target, key: &str, timeout: Duration) -> Result<Self, Fault> {
        match Hook::of(target, key, timeout)? {
            Some(hook) => Ok(Self::Hook(Box::new(hook))),
            None => Mail::of(target, key, timeout).map(|mail| Self::Mail(Box::new(mail))),
        }
    }

    /// Sends `message` once; returns what came back.
    ///
    /// # Errors
    /// Says what came back instead, and whether another attempt makes sense.
    pub(super) async fn send(&self, message: &Message) -> Result<String, Failure> {
        let outcome = match self {
            Self::Hook(hook) => hook.send(message).await,
            Self::Mail(mail) => mail.send(message).await,
        };
        match outcome {
            Ok(answer) => Ok(cut(&answer, DETAIL_MAX)),
            Err(failure) => Err(Failure { detail: cut(&failure.detail, DETAIL_MAX), ..failure }),
        }
    }
}
