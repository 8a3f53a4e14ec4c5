//! A stream's way to its reader, with what goes wrong on it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::fault::{Fault, Frame};

/// Frames that a replay repeats, the newest.
const REPLAYED_MAX: usize = 1_000;

/// What is to be done with the connection, in this order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Sent.
    Frame(Arc<str>),
    /// Closed, with a closing frame.
    Close,
    /// Dropped without one.
    Abort,
    /// Neither read nor written for so long, then dropped.
    Gone(Duration),
}

/// One connection's memory.
#[derive(Debug, Default)]
pub(crate) struct Line {
    sent: VecDeque<Arc<str>>,
    late: Vec<(Instant, Arc<str>)>,
    silent_until: Option<Instant>,
}

impl Line {
    /// What becomes of `frame` under `fault`, while the line is not silent. A `swap` is the caller's to do: only it knows
    /// what comes behind.
    pub(crate) fn take(&mut self, frame: Arc<str>, fault: Option<&Fault>) -> Vec<Part> {
        let frame = match fault.filter(|fault| fault.patch.is_some()) {
            Some(fault) => match serde_json::from_str(&frame) {
                Ok(value) => fault.patched(value).to_string().into(),
                Err(_) => frame,
            },
            None => frame,
        };
        let delay = |fault: &Fault| Instant::now() + fault.delay_or_for_ever();
        match fault.and_then(|fault| Some((fault.frame?, fault))) {
            Some((Frame::Drop, _)) => Vec::new(),
            Some((Frame::Duplicate, _)) => self.send([frame.clone(), frame]),
            Some((Frame::Replay, _)) => {
                let again = self.sent.clone();
                self.send(again.into_iter().chain([frame]))
            }
            Some((Frame::Late, fault)) => {
                self.late.push((delay(fault), frame));
                Vec::new()
            }
            Some((Frame::Silent, fault)) => {
                self.silent_until = Some(delay(fault));
                Vec::new()
            }
            Some((Frame::Close, _)) => vec![Part::Close],
            Some((Frame::Abort, _)) => vec![Part::Abort],
            Some((Frame::HalfOpen, fault)) => vec![Part::Gone(fault.delay_or_for_ever())],
            Some((Frame::Swap, _)) | None => self.send([frame]),
        }
    }

    /// True while what comes for this reader is lost, and no occasion for a fault.
    pub(crate) fn is_silent(&mut self) -> bool {
        self.silent_until = self.silent_until.filter(|until| Instant::now() < *until);
        self.silent_until.is_some()
    }

    fn send(&mut self, frames: impl IntoIterator<Item = Arc<str>>) -> Vec<Part> {
        let parts: Vec<Part> = frames.into_iter().map(Part::Frame).collect();
        if let Some(Part::Frame(last)) = parts.last() {
            self.sent.push_back(Arc::clone(last));
            if self.sent.len() > REPLAYED_MAX {
                self.sent.pop_front();
            }
        }
        parts
    }

    /// The next late frame, when its time has come and silence is over; waits for ever while there is none.
    pub(crate) async fn late(&mut self) -> Arc<str> {
        let first = self.late.iter().enumerate().min_by_key(|(_, (at, _))| *at).map(|(place, (at, _))| (place, *at));
        match first {
            Some((place, at)) => {
                sleep_until(self.silent_until.map_or(at, |until| at.max(until))).await;
                self.late.remove(place).1
            }
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::read;

    fn frames(line: &mut Line, text: &str, fault: Option<&str>) -> Vec<String> {
        let fault = fault.map(|fault| read(&format!("on: SEND /stream\n{fault}")).unwrap().remove(0));
        let parts = line.take(text.into(), fault.as_ref());
        parts
            .iter()
            .map(|part| if let Part::Frame(text) = part { text.to_string() } else { format!("{part:?}") })
            .collect()
    }

    #[tokio::test]
    async fn each_fault_does_what_it_says() {
        let mut line = Line::default();
        assert_eq!(frames(&mut line, "1", None), ["1"]);
        assert_eq!(frames(&mut line, "2", Some("frame: duplicate")), ["2", "2"]);
        assert_eq!(frames(&mut line, "3", Some("frame: drop")), [""; 0]);
        assert_eq!(frames(&mut line, "4", Some("frame: replay")), ["1", "2", "4"]);
        assert_eq!(frames(&mut line, "5", Some("frame: late\ndelay_ms: 50")), [""; 0]);
        assert_eq!(frames(&mut line, "6", Some("frame: close")), ["Close"]);
        assert_eq!(frames(&mut line, "7", Some("frame: abort")), ["Abort"]);
        assert_eq!(frames(&mut line, "8", Some("frame: half_open\ndelay_ms: 70")), ["Gone(70ms)"]);
        assert_eq!(frames(&mut line, r#"{"a":1}"#, Some("patch: {a: 2}")), [r#"{"a":2}"#]);
        assert_eq!(&*line.late().await, "5");
    }

    #[tokio::test]
    async fn nothing_comes_while_it_is_silent_and_what_is_late_comes_behind() {
        let mut line = Line::default();
        frames(&mut line, "1", Some("frame: late\ndelay_ms: 20"));
        assert!(!line.is_silent());
        assert_eq!(frames(&mut line, "2", Some("frame: silent\ndelay_ms: 50")), [""; 0]);
        let begun = Instant::now();
        assert!(line.is_silent());
        assert_eq!((&*line.late().await, begun.elapsed() >= Duration::from_millis(50)), ("1", true));
        assert!(!line.is_silent());
        assert_eq!(frames(&mut line, "3", None), ["3"]);
    }
}
