//! One target: what waits for it goes out one by one, and nobody else waits for it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use chassis::{CancellationToken, Clock, ErrorReporter};
use domain::ops::Severity;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::board::{Board, Delivery};
use super::config::{Alerts, Target};
use super::endpoint::{Endpoint, Failure};
use super::gather::{Gather, Group};
use super::metrics;
use super::notice::{Notice, UNDELIVERED};
use super::text::Message;

/// The first attempt is repeated after this long, later ones after twice as long each.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(60);
/// How long an attempt under way may still take when the worker is asked to stop.
const LAST_ATTEMPT: Duration = Duration::from_secs(2);

/// Where an event lies: its stream and sequence.
pub(super) type Place = (domain::StreamName, u64);

/// An event that several targets are told of.
struct Ticket {
    place: Place,
    left: AtomicUsize,
    settled: mpsc::Sender<Place>,
}

/// One target's part in an event: dropped without being settled, the event is handed out again.
pub(super) struct Claim(Arc<Ticket>);

impl Claim {
    /// One for each of `targets`; when all are settled, `settled` learns of it.
    pub(super) fn for_each(place: Place, targets: usize, settled: &mpsc::Sender<Place>) -> impl Iterator<Item = Self> {
        let ticket = Arc::new(Ticket { place, left: AtomicUsize::new(targets), settled: settled.clone() });
        std::iter::repeat_n(ticket, targets).map(Self)
    }

    /// It was delivered, given up, or another stands for it.
    pub(super) fn settle(self) {
        if self.0.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            // It has room for every event that is handed out; without a reader the event comes again.
            let _ = self.0.settled.try_send(self.0.place);
        }
    }
}

/// What a worker is given.
pub(super) struct Job {
    pub(super) notice: Notice,
    pub(super) claim: Claim,
}

/// What all workers share.
#[derive(Clone)]
pub(super) struct Common {
    pub(super) alerts: Arc<Alerts>,
    pub(super) mode: &'static str,
    pub(super) board: Board,
    pub(super) errors: ErrorReporter,
    pub(super) clock: Arc<dyn Clock>,
}

/// Sends to one target.
pub(super) struct Worker {
    common: Common,
    target: Target,
    endpoint: Arc<Endpoint>,
    gather: Gather<Claim>,
}

type Sending = Pin<Box<dyn Future<Output = Result<String, Failure>> + Send>>;

impl Worker {
    pub(super) fn new(common: Common, target: Target, endpoint: Arc<Endpoint>) -> Self {
        let gather = Gather::new(&common.alerts, &target, Instant::now());
        Self { common, target, endpoint, gather }
    }

    /// Sends what comes in until `stop`; what was not sent by then is not settled.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Job>, stop: CancellationToken) {
        let mut under_way: Option<(Group<Claim>, Sending)> = None;
        loop {
            let now = Instant::now();
            if under_way.is_none() {
                under_way = self.gather.take(now).map(|group| {
                    let sending = self.sending(&group);
                    (group, sending)
                });
            }
            self.show();
            let due = self.gather.due(now).filter(|_| under_way.is_none());
            tokio::select! {
                () = stop.cancelled() => break,
                job = inbox.recv() => match job {
                    Some(Job { notice, claim }) => {
                        if let Some(superseded) = self.gather.offer(Instant::now(), notice, claim) {
                            metrics::collapsed(&self.target.name);
                            superseded.settle();
                        }
                    }
                    None => break,
                },
                outcome = async { match &mut under_way { Some((_, sending)) => sending.await, None => std::future::pending().await } } => {
                    if let Some((group, _)) = under_way.take() {
                        self.finish(group, outcome);
                    }
                }
                () = async { match due { Some(due) => sleep_until(due).await, None => std::future::pending().await } } => {}
            }
        }
        metrics::waiting(&self.target.name, 0);
        if let Some((group, sending)) = under_way
            && let Ok(Ok(answer)) = timeout(LAST_ATTEMPT, sending).await
        {
            self.finish(group, Ok(answer));
        }
    }

    /// All attempts for `group`, up to the deadline.
    fn sending(&self, group: &Group<Claim>) -> Sending {
        let message = Message::of(group, self.common.mode, &self.common.alerts.public_url);
        let (endpoint, give_up) = (Arc::clone(&self.endpoint), self.common.alerts.give_up());
        let (board, name, clock) =
            (self.common.board.clone(), self.target.name.clone(), Arc::clone(&self.common.clock));
        Box::pin(async move {
            let deadline = Instant::now() + give_up;
            let last = std::sync::Mutex::new(None::<Failure>);
            let delays = ExponentialBuilder::default()
                .with_factor(2.0)
                .with_min_delay(RETRY_FIRST)
                .with_max_delay(RETRY_MAX)
                .with_jitter()
                .without_max_times();
            let attempts = (|| endpoint.send(&message))
                .retry(delays)
                .when(|failure| failure.retry)
                .adjust(|failure, delay| {
                    let delay = delay?.max(failure.after.unwrap_or_default());
                    (Instant::now() + delay < deadline).then_some(delay)
                })
                .notify(|failure, delay| {
                    metrics::retried(&name);
                    tracing::info!(
                        target = name,
                        failure = failure.detail,
                        delay_ms = delay.as_millis() as u64,
                        "an alert is tried again"
                    );
                    board.update(&name, |target| {
                        target.state = Delivery::Retrying;
                        target.detail.clone_from(&failure.detail);
                        target.last_at = Some(clock.now());
                    });
                    *last.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(failure.clone());
                });
            match timeout(give_up, attempts).await {
                Ok(outcome) => outcome,
                Err(_) => {
                    let last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
                    Err(last.unwrap_or_else(|| Failure::passing("no answer")))
                }
            }
        })
    }

    fn finish(&self, group: Group<Claim>, outcome: Result<String, Failure>) {
        let name = &self.target.name;
        let delivered = outcome.is_ok();
        metrics::finished(name, delivered);
        let detail = match outcome {
            Ok(answer) => answer,
            Err(failure) => {
                let message = format!("an alert for {name} could not be delivered: {}", group.notice.title);
                self.common.errors.raise(Severity::Warning, UNDELIVERED, message, failure.detail.as_str(), Some(name));
                failure.detail
            }
        };
        self.common.board.update(name, |target| {
            target.state = if delivered { Delivery::Delivered } else { Delivery::GivenUp };
            target.detail = detail;
            target.last_at = Some(self.common.clock.now());
            *if delivered { &mut target.delivered } else { &mut target.given_up } += 1;
        });
        group.ticket.settle();
    }

    fn show(&self) {
        let waiting = self.gather.len();
        metrics::waiting(&self.target.name, waiting);
        self.common.board.update(&self.target.name, |target| target.waiting = waiting);
    }
}
