//! What waits for one target: those alike together, the worst first, no more of them than the target is to be sent.
//!
//! Time is an argument; nothing here waits.

use std::collections::HashMap;
use std::time::Duration;

use domain::UnixNanos;
use tokio::time::Instant;

use super::config::{Alerts, Target, Topic};
use super::notice::Notice;
use crate::bucket::Bucket;

/// Kinds of notices that may wait; of more, the least severe are left out and counted.
const WAITING_MAX: usize = 64;
/// Fills of one order follow each other within seconds.
const FILLS: Duration = Duration::from_secs(15);

/// Notices that are alike, as one message.
#[derive(Debug)]
pub(super) struct Group<T> {
    /// The newest of them.
    pub(super) notice: Notice,
    /// What came with the newest.
    pub(super) ticket: T,
    /// How many came before it.
    pub(super) more: u64,
    /// When the first of them happened.
    pub(super) since: UnixNanos,
    /// How many others were left out since the last message.
    pub(super) left_out: u64,
    ready: Instant,
    order: u64,
}

/// What waits for one target.
#[derive(Debug)]
pub(super) struct Gather<T> {
    waiting: Vec<Group<T>>,
    /// When the last of each likeness went.
    sent: HashMap<String, Instant>,
    bucket: Bucket,
    collapse: Duration,
    left_out: u64,
    count: u64,
}

impl<T> Gather<T> {
    pub(super) fn new(alerts: &Alerts, target: &Target, now: Instant) -> Self {
        Self {
            waiting: Vec::new(),
            sent: HashMap::new(),
            bucket: Bucket::full(target.burst.into(), f64::from(target.per_minute) / 60.0, now),
            collapse: alerts.collapse(),
            left_out: 0,
            count: 0,
        }
    }

    /// How many messages wait.
    pub(super) const fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Takes a notice. What comes back need not be sent any more: a newer one stands for it, or there is no room.
    pub(super) fn offer(&mut self, now: Instant, notice: Notice, ticket: T) -> Option<T> {
        if let Some(group) = self.waiting.iter_mut().find(|group| group.notice.like == notice.like) {
            group.more += 1;
            group.since = group.since.min(notice.at);
            group.notice.severity = group.notice.severity.max(notice.severity);
            let severity = group.notice.severity;
            group.notice = Notice { severity, ..notice };
            return Some(std::mem::replace(&mut group.ticket, ticket));
        }
        let window = self.window(notice.topic);
        let ready = self.sent.get(&notice.like).map_or(now, |last| now.max(*last + window));
        self.count += 1;
        let since = notice.at;
        let group = Group { notice, ticket, more: 0, since, left_out: 0, ready, order: self.count };
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push(group);
            return None;
        }
        self.left_out += 1;
        let least = self.waiting.iter_mut().min_by_key(|g| (g.notice.severity, std::cmp::Reverse(g.order)));
        match least.filter(|least| least.notice.severity < group.notice.severity) {
            Some(least) => Some(std::mem::replace(least, group).ticket),
            None => Some(group.ticket),
        }
    }

    /// When the next message may go; `None` when none waits.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        let ready = self.waiting.iter().map(|group| group.ready).min()?;
        Some(ready.max(self.bucket.next(now)))
    }

    /// The worst message that may go now, of equals the oldest.
    pub(super) fn take(&mut self, now: Instant) -> Option<Group<T>> {
        let ready = self.waiting.iter().enumerate().filter(|(_, group)| group.ready <= now);
        let (place, _) = ready.max_by_key(|(_, g)| (g.notice.severity, std::cmp::Reverse(g.order)))?;
        if !self.bucket.take(now) {
            return None;
        }
        let mut group = self.waiting.remove(place);
        group.left_out = std::mem::take(&mut self.left_out);
        if self.window(group.notice.topic) > Duration::ZERO {
            let longest = self.collapse.max(FILLS);
            self.sent.retain(|_, last| *last + longest > now);
            self.sent.insert(group.notice.like.clone(), now);
        }
        Some(group)
    }

    /// For how long after one another like it is held back.
    const fn window(&self, topic: Option<Topic>) -> Duration {
        match topic {
            Some(Topic::Errors) => self.collapse,
            Some(Topic::Fills) => FILLS,
            Some(Topic::TradingState | Topic::DaySummary) | None => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::ops::Severity;
    use testkit::build;

    use super::super::notice::{Told, told};
    use super::*;

    fn gather(burst: u32, per_minute: u32, now: Instant) -> Gather<u32> {
        let target = serde_json::json!({ "name": "t", "kind": "webhook", "burst": burst, "per_minute": per_minute });
        Gather::new(&Alerts::default(), &serde_json::from_value(target).unwrap(), now)
    }

    fn error(code: &str, severity: Severity, second: i64) -> Notice {
        let mut error = build::error_raised("executor", code);
        (error.severity, error.at) = (severity, UnixNanos::new(0).plus_seconds(second));
        match told(&error.into(), &build::meta(&[code, &second.to_string()], "executor")) {
            Told::Notice(notice) => *notice,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn repetitions_wait_and_come_as_one_message_with_their_number() {
        let start = Instant::now();
        let mut gather = gather(5, 60, start);
        assert_eq!(gather.offer(start, error("uncovered", Severity::Critical, 0), 0), None);
        assert_eq!(gather.take(start).unwrap().more, 0);
        for n in 1..=13 {
            let superseded = gather.offer(start, error("uncovered", Severity::Critical, n), n as u32);
            assert_eq!(superseded, (n > 1).then(|| n as u32 - 1));
        }
        assert!(gather.take(start).is_none());
        let due = gather.due(start).unwrap();
        assert_eq!(due, start + Duration::from_secs(300));
        let group = gather.take(due).unwrap();
        assert_eq!((group.more, group.ticket), (12, 13));
        assert_eq!((group.since, group.notice.at), (UnixNanos::new(1_000_000_000), UnixNanos::new(13_000_000_000)));
        assert!(gather.take(due).is_none() && gather.due(due).is_none());
    }

    #[test]
    fn no_more_go_than_the_target_is_to_be_sent_and_the_worst_goes_first() {
        let start = Instant::now();
        let mut gather = gather(2, 60, start);
        for (n, severity) in [(1, Severity::Info), (2, Severity::Warning), (3, Severity::Critical)] {
            assert_eq!(gather.offer(start, error(&n.to_string(), severity, n), n as u32), None);
        }
        assert_eq!([gather.take(start).unwrap().ticket, gather.take(start).unwrap().ticket], [3, 2]);
        assert!(gather.take(start).is_none());
        let due = gather.due(start).unwrap();
        assert!(due > start && due < start + Duration::from_secs(2), "{:?}", due - start);
        assert_eq!(gather.take(due).unwrap().ticket, 1);
    }

    #[test]
    fn beyond_the_room_the_least_severe_are_left_out_and_counted() {
        let start = Instant::now();
        let mut gather = gather(1, 1, start);
        for n in 0..WAITING_MAX as u32 {
            assert_eq!(gather.offer(start, error(&n.to_string(), Severity::Warning, 0), n), None);
        }
        assert_eq!(gather.offer(start, error("info", Severity::Info, 0), 900), Some(900));
        let evicted = gather.offer(start, error("worse", Severity::Critical, 0), 901);
        assert_eq!(evicted, Some(WAITING_MAX as u32 - 1));
        let first = gather.take(start).unwrap();
        assert_eq!((first.ticket, first.left_out), (901, 2));
        assert_eq!(gather.len(), WAITING_MAX - 1);
    }
}
