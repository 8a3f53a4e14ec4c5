//! The only place that builds subjects: `<stream>.v1.<event>.<key>`.
//!
//! The key is what makes an event unique, so that creating it where nothing is stored yet happens once.

use domain::execution::OrderUpdated;
use domain::market::TradeBatch;
use domain::{Event, RoundId, StreamName};

macro_rules! kinds {
    ($($stream:ident: $($name:ident),+;)+) => {
        /// The kind of an event: what a reader subscribes to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs)] // each variant is named after its event
        pub enum Kind {
            $($($name,)+)+
        }

        impl Kind {
            /// Every kind, by stream.
            pub const ALL: &[Self] = &[$($(Self::$name,)+)+];

            /// The kind of `event`.
            pub const fn of(event: &Event) -> Self {
                match event { $($(Event::$name(_) => Self::$name,)+)+ }
            }

            /// The event's name.
            pub const fn name(self) -> &'static str {
                match self { $($(Self::$name => stringify!($name),)+)+ }
            }

            /// The stream that carries it.
            pub const fn stream(self) -> StreamName {
                match self { $($(Self::$name => StreamName::$stream,)+)+ }
            }
        }
    };
}

kinds! {
    Market: TradeBatch, ReferenceUpdated, NewsPublished, FeedGapDetected, TradingStatusChanged;
    Scan: SignalGenerated, CandidatesEvaluated, ScanRoundCompleted, RoundOpened;
    Plan: RoundClosed, PlanProposed;
    Risk: DayOpened, PlanApproved, PlanDenied, TradingStateLowered;
    Order: OrderIntended, OrderUpdated, FillRecorded, PlanExecuted, PlanClosed, AccountObserved, PositionReconciled, DeadlineReached, OwnerChanged;
    Control: TradingStateChanged, FlattenRequested, FlattenCancelled, StrategyPaused, ConfigActivated, AlertAcknowledged, DeadLetterHandled;
    Ops: ErrorRaised, ReadinessReported;
}

impl Kind {
    /// The subjects of every event of this kind.
    pub fn filter(self) -> String {
        format!("{}.>", self.prefix())
    }

    fn prefix(self) -> String {
        format!("{}.v1.{}", self.stream().package(), snake_case(self.name()))
    }
}

/// The subject of `event`.
pub fn subject_of(event: &Event) -> String {
    let mut subject = Kind::of(event).prefix();
    for part in key_of(event) {
        subject.push('.');
        push_token(&mut subject, &part);
    }
    subject
}

/// The lane of a partition's trade batches.
pub fn trade_batch(partition: u32) -> String {
    format!("{}.{partition}", Kind::TradeBatch.prefix())
}

/// The lanes of all partitions.
pub fn trade_batch_filter() -> String {
    Kind::TradeBatch.filter()
}

/// The partition of a lane of trade batches.
pub fn partition_of(subject: &str) -> Option<u32> {
    subject.strip_prefix(&Kind::TradeBatch.prefix())?.strip_prefix('.')?.parse().ok()
}

/// The candidates of one round, of all partitions.
pub fn candidates_of(round_id: &RoundId) -> String {
    let mut subject = Kind::CandidatesEvaluated.prefix();
    subject.push('.');
    push_token(&mut subject, round_id.as_str());
    subject + ".>"
}

/// Where the holes of the feed `source` are told.
pub fn feed_gap_detected(source: &str) -> String {
    let mut subject = Kind::FeedGapDetected.prefix();
    subject.push('.');
    push_token(&mut subject, source);
    subject
}

/// The name on the server of a service's only reader of `stream`, or of one part of it.
pub fn reader_name(service: &str, stream: StreamName, part: Option<&str>) -> String {
    let part = part.map(|part| format!("-{part}")).unwrap_or_default();
    format!("{service}-{}{part}", stream.package())
}

/// Where a service says that it is at work; nobody stores it.
pub fn heartbeat(service: &str) -> String {
    format!("heartbeat.{service}")
}

/// The errors of one service.
pub fn errors_of(service: &str) -> String {
    format!("{}.{service}.>", Kind::ErrorRaised.prefix())
}

/// Every subject of a stream.
pub fn stream_filter(stream: StreamName) -> String {
    format!("{}.>", stream.package())
}

/// Where a message goes that `durable` could not handle.
pub fn dead_letter(durable: &str, stream_seq: u64) -> String {
    format!("dead.{durable}.{stream_seq}")
}

/// Where the dead letter at sequence `dead_seq` of DEAD goes when it is sent to `durable` again.
pub fn redrive(durable: &str, dead_seq: u64) -> String {
    format!("redrive.{durable}.{dead_seq}")
}

/// The sequence in DEAD of the letter whose message lies on `subject` of REDRIVE.
pub(crate) fn redriven(subject: &str) -> Option<u64> {
    subject.strip_prefix("redrive.")?.rsplit_once('.')?.1.parse().ok()
}

/// Everything that is sent to `durable` again.
pub fn redrive_filter(durable: &str) -> String {
    format!("redrive.{durable}.*")
}

/// True when `subject` is one that events of protobuf type `type_name` travel on.
pub(crate) fn carries(subject: &str, type_name: &str) -> bool {
    let Some((package, name)) = type_name.strip_prefix("finagent.").and_then(|t| t.rsplit_once('.')) else {
        return false;
    };
    let Some(rest) = subject.strip_prefix(package).and_then(|r| r.strip_prefix('.')) else { return false };
    let token = rest.split('.').next().unwrap_or_default();
    token.chars().eq(snake_chars(name))
}

fn key_of(event: &Event) -> Vec<String> {
    match event {
        Event::TradeBatch(TradeBatch { partition, .. }) => vec![partition.to_string()],
        Event::ReferenceUpdated(e) => vec![e.symbol.subject_token()],
        Event::NewsPublished(e) => vec![e.news_id.clone()],
        Event::FeedGapDetected(e) => vec![e.source.clone()],
        Event::TradingStatusChanged(e) => vec![e.symbol.subject_token()],
        Event::SignalGenerated(e) => vec![e.signal_id.to_string()],
        Event::CandidatesEvaluated(e) => {
            vec![e.round.round_id.to_string(), e.partition.to_string(), e.chunk.to_string()]
        }
        Event::ScanRoundCompleted(e) => vec![e.round.round_id.to_string(), e.partition.to_string()],
        Event::RoundOpened(e) => vec![e.round.round_id.to_string()],
        Event::RoundClosed(e) => vec![e.round.round_id.to_string()],
        Event::PlanProposed(e) => vec![e.plan.plan_id.to_string()],
        Event::DayOpened(e) => vec![e.account.clone(), e.session_date.to_string()],
        Event::PlanApproved(e) => vec![e.plan.plan_id.to_string()],
        Event::PlanDenied(e) => vec![e.plan_id.to_string()],
        Event::TradingStateLowered(e) => vec![e.session_date.to_string(), snake_case(&format!("{:?}", e.limit))],
        Event::OrderIntended(e) => vec![e.client_order_id.to_string()],
        Event::OrderUpdated(e) => order_update_key(e),
        Event::FillRecorded(e) => vec![e.venue_order_id.to_string(), e.cumulative_qty.to_string()],
        Event::PlanExecuted(e) => vec![e.plan_id.to_string()],
        Event::PlanClosed(e) => vec![e.plan_id.to_string()],
        Event::AccountObserved(e) => vec![e.account.clone()],
        Event::PositionReconciled(e) => vec![e.session_date.to_string(), e.symbol.subject_token()],
        Event::OwnerChanged(e) => vec![e.account.clone()],
        Event::DeadlineReached(e) => vec![e.session_date.to_string(), snake_case(&format!("{:?}", e.step))],
        Event::TradingStateChanged(e) => vec![e.by.request_id.clone()],
        Event::FlattenRequested(e) => vec![e.by.request_id.clone()],
        Event::FlattenCancelled(e) => vec![e.by.request_id.clone()],
        Event::StrategyPaused(e) => vec![e.by.request_id.clone()],
        Event::ConfigActivated(e) => vec![e.by.request_id.clone()],
        Event::AlertAcknowledged(e) => vec![e.by.request_id.clone()],
        Event::DeadLetterHandled(e) => vec![e.by.request_id.clone()],
        Event::ErrorRaised(e) => vec![e.service.clone(), e.error_id.clone()],
        Event::ReadinessReported(e) => vec![e.service.clone(), e.instance.clone()],
    }
}

/// Each distinct word of the broker on an order is one subject: its state and how much is filled.
fn order_update_key(update: &OrderUpdated) -> Vec<String> {
    let state = snake_case(&format!("{:?}", update.state));
    vec![update.client_order_id.to_string(), state, update.filled_qty.to_string()]
}

/// Appends `text` as one token: what would split or match tokens becomes an underscore, nothing becomes one too.
fn push_token(subject: &mut String, text: &str) {
    if text.is_empty() {
        subject.push('_');
    }
    let separates = |c: char| matches!(c, '.' | '*' | '>' | '/') || c.is_whitespace() || c.is_control();
    subject.extend(text.chars().map(|c| if separates(c) { '_' } else { c }));
}

fn snake_case(name: &str) -> String {
    snake_chars(name).collect()
}

fn snake_chars(name: &str) -> impl Iterator<Item = char> {
    name.char_indices().flat_map(|(i, c)| {
        let separator = (i > 0 && c.is_ascii_uppercase()).then_some('_');
        separator.into_iter().chain(std::iter::once(c.to_ascii_lowercase()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_has_stream_version_event_and_key() {
        let plan = testkit::build::plan("BRK.B");
        let id = plan.plan_id.clone();
        let proposed = Event::from(domain::plan::PlanProposed { plan });
        assert_eq!(subject_of(&proposed), format!("plan.v1.plan_proposed.{id}"));
        let reference = Event::from(testkit::build::reference("BRK.B"));
        assert_eq!(subject_of(&reference), "market.v1.reference_updated.BRK_B");
        assert_eq!(trade_batch(3), "market.v1.trade_batch.3");
        assert_eq!(partition_of(&trade_batch(3)), Some(3));
        assert_eq!(partition_of("market.v1.news_published.3"), None);
        assert_eq!(Kind::CandidatesEvaluated.filter(), "scan.v1.candidates_evaluated.>");
        let round = testkit::build::round().round_id;
        assert_eq!(candidates_of(&round), format!("scan.v1.candidates_evaluated.{round}.>"));
    }

    #[test]
    fn every_distinct_order_update_has_its_own_subject() {
        let mut update = testkit::build::order_updated("GME");
        let first = subject_of(&update.clone().into());
        update.filled_qty += 1;
        assert_ne!(subject_of(&update.clone().into()), first);
        update.filled_qty -= 1;
        update.state = domain::execution::OrderState::PendingCancel;
        assert!(subject_of(&update.into()).contains(".pending_cancel."));
    }

    #[test]
    fn text_from_outside_cannot_split_or_widen_a_subject() {
        let check = |text: &str, token: &str| {
            let mut subject = String::new();
            push_token(&mut subject, text);
            assert_eq!(subject, token);
        };
        check("a.b>*\t", "a_b___");
        check("", "_");
        check("finnhub:7309", "finnhub:7309");
    }

    #[test]
    fn a_type_travels_only_on_its_own_subjects() {
        assert!(carries("risk.v1.plan_approved.x", "finagent.risk.v1.PlanApproved"));
        assert!(!carries("order.v1.plan_approved.x", "finagent.risk.v1.PlanApproved"));
        assert!(!carries("risk.v1.plan_approved_x.y", "finagent.risk.v1.PlanApproved"));
        assert!(!carries("risk.v1.plan_approved.x", "PlanApproved"));
    }
}
