//! What the streams say goes to the targets; acknowledged once each has taken it or was given up.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bus::topology::{ALERTS_CONTROL, ALERTS_OPS, ALERTS_ORDER, ALERTS_RISK};
use bus::{Bus, BusError, Consumer, Lease};
use chassis::CancellationToken;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::config::{Alerts, Target, Topic};
use super::endpoint::Endpoint;
use super::metrics;
use super::notice::{Notice, Told, told};
use super::summary::summary;
use super::worker::{Claim, Common, Job, Place, Worker};
use crate::store::Reader;

/// Notices between the desk and a worker, which takes them at once.
const INBOX: usize = 256;
/// Well within the time after which the server would hand an event out again.
const KEEP_EVERY: Duration = Duration::from_secs(10);
/// How long workers may take to end.
const ENDING: Duration = Duration::from_secs(3);
/// Room for every event that the four durables hand out before one is acknowledged, redriven ones too.
const SETTLED: usize = 2 * 4 * ALERTS_OPS.ack_pending_max as usize;

pub(super) struct Desk {
    common: Common,
    reader: Reader,
    targets: Vec<(Target, mpsc::Sender<Job>)>,
    outstanding: HashMap<Place, bus::Delivery>,
    settled: mpsc::Sender<Place>,
}

/// Sends alerts while `lease` is held, until `shutdown`.
///
/// # Errors
/// Class Fatal only: a durable cannot be read at all.
pub(super) async fn work(
    bus: &Bus,
    common: &Common,
    endpoints: &[Arc<Endpoint>],
    reader: &Reader,
    lease: &Lease,
    shutdown: &CancellationToken,
) -> Result<(), BusError> {
    let stop = CancellationToken::new();
    let mut workers = JoinSet::new();
    let start = |(target, endpoint): (&Target, &Arc<Endpoint>)| {
        let (inbox, jobs) = mpsc::channel(INBOX);
        let worker = Worker::new(common.clone(), target.clone(), Arc::clone(endpoint));
        workers.spawn(worker.run(jobs, stop.clone()));
        (target.clone(), inbox)
    };
    let targets = common.alerts.targets.iter().zip(endpoints).map(start).collect();
    let (settled, mut done) = mpsc::channel(SETTLED);
    let mut desk =
        Desk { common: common.clone(), reader: reader.clone(), targets, outstanding: HashMap::new(), settled };
    let outcome = tokio::select! {
        outcome = desk.read(bus, &mut done) => outcome,
        () = lease.lost() => Ok(()),
        () = shutdown.cancelled() => Ok(()),
    };
    stop.cancel();
    let ended = async { while workers.join_next().await.is_some() {} };
    if timeout(ENDING, ended).await.is_err() {
        tracing::warn!("an attempt to send an alert was cut off; the alert comes again");
    }
    while let Ok(place) = done.try_recv() {
        desk.acknowledge(place).await;
    }
    for delivery in desk.outstanding.values() {
        // What the server does not hear is handed out again a little later.
        let _ = delivery.nak(Duration::ZERO).await;
    }
    outcome
}

impl Desk {
    async fn read(&mut self, bus: &Bus, done: &mut mpsc::Receiver<Place>) -> Result<(), BusError> {
        let mut ops = Consumer::open(bus, &ALERTS_OPS);
        let mut control = Consumer::open(bus, &ALERTS_CONTROL);
        let mut risk = Consumer::open(bus, &ALERTS_RISK);
        let mut order = Consumer::open(bus, &ALERTS_ORDER);
        let (summaries, mut composed) = mpsc::channel(4);
        let mut composing = JoinSet::new();
        let mut keep = interval(KEEP_EVERY);
        keep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let delivery = tokio::select! {
                Some(place) = done.recv() => { self.acknowledge(place).await; continue }
                Some((notice, place)) = composed.recv() => { self.hand_out(notice, place).await; continue }
                Some(_) = composing.join_next() => continue,
                _ = keep.tick() => { self.keep().await; continue }
                delivery = ops.next() => delivery?,
                delivery = control.next() => delivery?,
                delivery = risk.next() => delivery?,
                delivery = order.next() => delivery?,
            };
            let place = (delivery.stream, delivery.seq);
            // Handed out again although it is still being worked on: the answer to come counts for both.
            if self.outstanding.contains_key(&place) {
                continue;
            }
            let said = if self.is_outdated(&delivery) { Told::Nothing } else { told(&delivery.event, &delivery.meta) };
            let (id, at) = (delivery.meta.id.clone(), delivery.meta.ts_init);
            self.outstanding.insert(place, delivery);
            match said {
                Told::Notice(notice) => self.hand_out(*notice, place).await,
                Told::Summary(session) if self.wants(Topic::DaySummary) => {
                    let (reader, summaries) = (self.reader.clone(), summaries.clone());
                    composing.spawn(async move {
                        let notice = summary(&reader, session, &id, at).await;
                        // Without the desk the event comes again.
                        let _ = summaries.send((notice, place)).await;
                    });
                }
                Told::Nothing | Told::Summary(_) => self.acknowledge(place).await,
            }
        }
    }

    fn is_outdated(&self, delivery: &bus::Delivery) -> bool {
        let oldest = self.common.clock.now().plus_seconds(-(self.common.alerts.age_max_s as i64));
        let outdated = delivery.published_at < oldest;
        if outdated {
            metrics::outdated();
        }
        outdated
    }

    fn wants(&self, topic: Topic) -> bool {
        self.targets.iter().any(|(target, _)| target.events.contains(&topic))
    }

    async fn hand_out(&mut self, notice: Notice, place: Place) {
        let takers: Vec<_> = self.targets.iter().filter(|(target, _)| takes(target, &notice)).collect();
        if takers.is_empty() {
            return self.acknowledge(place).await;
        }
        let claims = Claim::for_each(place, takers.len(), &self.settled);
        for ((target, inbox), claim) in takers.into_iter().zip(claims) {
            // A worker takes it at once, whatever it is doing.
            if let Err(refused) = inbox.send(Job { notice: notice.clone(), claim }).await {
                tracing::error!(target = target.name, "its sender has ended: nothing goes there before the next start");
                refused.0.claim.settle();
            }
        }
    }

    async fn acknowledge(&mut self, place: Place) {
        let Some(delivery) = self.outstanding.remove(&place) else { return };
        if let Err(error) = delivery.ack().await {
            tracing::debug!(%error, "an alert is not acknowledged and comes again");
        }
    }

    /// Says that what waits is still being worked on.
    async fn keep(&self) {
        for delivery in self.outstanding.values() {
            if let Err(error) = delivery.in_progress().await {
                tracing::debug!(%error, "the bus does not hear that an alert is being worked on");
                return;
            }
        }
    }
}

/// True when `target` is to be told of `notice`.
fn takes(target: &Target, notice: &Notice) -> bool {
    let Some(topic) = notice.topic else { return true };
    target.events.contains(&topic) && (topic != Topic::Errors || notice.severity >= target.severity_min)
}

/// The ways to every target of `alerts`.
pub(super) fn endpoints(alerts: &Alerts) -> Result<Vec<Arc<Endpoint>>, chassis::Fault> {
    let endpoint = |(i, target)| Endpoint::of(target, &format!("alerts.targets.{i}"), alerts.timeout()).map(Arc::new);
    alerts.targets.iter().enumerate().map(endpoint).collect()
}
