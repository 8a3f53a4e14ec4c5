//! What the bus holds of a stream.

use std::collections::BTreeSet;

use anyhow::bail;
use bus::{Bus, Fold, FoldSpec, Item, Kind, RawFold, RawItem};
use bytes::Bytes;
use domain::execution::OrderIntended;
use domain::scan::Input;
use domain::{Event, SessionDate, StreamName};

/// An event as it was published.
#[derive(Debug, Clone)]
pub(super) struct Recorded {
    pub(super) seq: u64,
    pub(super) subject: String,
    pub(super) event: Event,
    /// The protobuf bytes.
    pub(super) payload: Bytes,
}

/// The kept events of one stream, oldest first.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) stream: StreamName,
    pub(super) events: Vec<Recorded>,
    /// Messages read, kept or not.
    pub(super) messages: u64,
    /// Sequence of the last one; zero without any.
    pub(super) tail: u64,
}

impl Recording {
    /// Reads what `stream` holds now. Messages that are no events are named on stderr; services pass them over, too.
    pub(super) async fn read(bus: &Bus, stream: StreamName, keep: impl Fn(&Event) -> bool) -> anyhow::Result<Self> {
        let mut fold = RawFold::open(bus, FoldSpec::stream(stream))?;
        let mut recording = Self { stream, events: Vec::new(), messages: 0, tail: 0 };
        while let RawItem::Message(message) = fold.next().await? {
            recording.messages += 1;
            recording.tail = message.seq;
            let payload = message.payload.clone();
            match message.decode() {
                Item::Event(folded) if keep(&folded.event) => {
                    let (seq, subject, event) = (folded.seq, folded.subject, folded.event);
                    recording.events.push(Recorded { seq, subject, event, payload });
                }
                Item::Event(_) | Item::CaughtUp => {}
                Item::Poison(poison) => passed_over(stream, poison.seq, &poison.reason),
            }
        }
        Ok(recording)
    }

    /// True when all that `inputs` say of this stream has been read.
    pub(super) fn covers(&self, inputs: &[Input]) -> bool {
        last_seq(inputs, self.stream) <= self.tail
    }

    /// The events, to be folded piece by piece.
    pub(super) fn cursor(&self) -> Cursor<'_> {
        Cursor { stream: self.stream, rest: &self.events }
    }
}

/// A place in a recording.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    stream: StreamName,
    rest: &'a [Recorded],
}

impl<'a> Cursor<'a> {
    /// The events not taken yet, up to where `inputs` stood.
    pub(super) fn up_to(&mut self, inputs: &[Input]) -> &'a [Recorded] {
        let seq = last_seq(inputs, self.stream);
        let (taken, rest) = self.rest.split_at(self.rest.partition_point(|recorded| recorded.seq <= seq));
        self.rest = rest;
        taken
    }

    /// The next event, unless it comes after sequence `last`.
    pub(super) fn next_up_to(&mut self, last: u64) -> Option<&'a Recorded> {
        let (first, rest) = self.rest.split_first()?;
        (first.seq <= last).then(|| {
            self.rest = rest;
            first
        })
    }

    /// All that is left.
    pub(super) fn rest(&mut self) -> &'a [Recorded] {
        std::mem::take(&mut self.rest)
    }
}

/// Says on stderr that a message is not replayed.
pub(super) fn passed_over(stream: StreamName, seq: u64, reason: &str) {
    use std::io::Write;
    // A stderr that is closed is no reason to stop.
    let _ = writeln!(std::io::stderr(), "fin: {} {seq} is passed over: {reason}", stream.as_str());
}

/// Sequence of the last event of `stream` that `inputs` name; zero when they do not name it.
pub(super) fn last_seq(inputs: &[Input], stream: StreamName) -> u64 {
    inputs.iter().find(|input| input.stream == stream.as_str()).map_or(0, |input| input.last_seq)
}

/// The session that an event of SCAN, PLAN or RISK or an order's intent belongs to.
pub(super) fn session_of(event: &Event) -> Option<SessionDate> {
    match event {
        Event::SignalGenerated(signal) => Some(signal.round.session_date),
        Event::CandidatesEvaluated(evaluated) => Some(evaluated.round.session_date),
        Event::ScanRoundCompleted(completed) => Some(completed.round.session_date),
        Event::RoundOpened(opened) => Some(opened.round.session_date),
        Event::RoundClosed(closed) => Some(closed.round.session_date),
        Event::PlanProposed(proposed) => Some(proposed.plan.round.session_date),
        Event::DayOpened(opened) => Some(opened.session_date),
        Event::PlanApproved(approved) => Some(approved.plan.round.session_date),
        Event::PlanDenied(denied) => Some(denied.session_date),
        Event::TradingStateLowered(lowered) => Some(lowered.session_date),
        Event::OrderIntended(OrderIntended { session_date, .. }) => Some(*session_date),
        _ => None,
    }
}

/// What the rounds of a day say of how they were decided.
#[derive(Debug)]
pub(super) struct Rounds {
    /// The strategy's versions.
    pub(super) versions: BTreeSet<String>,
    pub(super) partitions: u32,
}

impl Rounds {
    /// Looks through the completed rounds of `day`; `None` if there are none.
    pub(super) async fn find(bus: &Bus, day: SessionDate) -> anyhow::Result<Option<Self>> {
        let mut fold = Fold::open(bus, FoldSpec::kinds(&[Kind::ScanRoundCompleted]))?;
        let mut found: Option<Self> = None;
        loop {
            match fold.next().await? {
                Item::CaughtUp => return Ok(found),
                Item::Poison(_) => {}
                Item::Event(folded) => match folded.event {
                    Event::ScanRoundCompleted(completed) if completed.round.session_date == day => {
                        let partitions = completed.partitions;
                        let rounds = found.get_or_insert_with(|| Self { versions: BTreeSet::new(), partitions });
                        rounds.versions.insert(completed.round.config_version);
                    }
                    Event::ScanRoundCompleted(_) => {}
                    other => bail!("asked for completed rounds, got {}", other.name()),
                },
            }
        }
    }
}
