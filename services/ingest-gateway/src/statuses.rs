//! Halts and their ends on their way to the bus, in the order in which the feed told them and beside its trades.
//!
//! What waits for the bus is not spooled: after a restart, silence shows a halt, and a trade its end.

use std::sync::Arc;
use std::time::Duration;

use bus::Class;
use domain::market::{TradingStatus, TradingStatusChanged};
use domain::ops::Severity;
use domain::{Event, EventId, Symbol};
use ports::{Notice, NoticeKind};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::GatewayContext;
use crate::alarms::Alarms;
use crate::error::chain;

/// So many may wait: a breaker of the whole market pauses every symbol at once.
const WAITING_MAX: usize = 32_768;
/// Pause after the bus did not take one.
const RETRY: Duration = Duration::from_millis(500);

/// Publishes `TradingStatusChanged` of one feed.
pub(crate) struct Statuses {
    source: &'static str,
    alarms: Alarms,
    waiting: Sender<TradingStatusChanged>,
    task: JoinHandle<()>,
}

impl Statuses {
    /// Begins with nothing to tell.
    pub(crate) fn begin(context: Arc<GatewayContext>, source: &'static str) -> Self {
        let (waiting, told) = channel(WAITING_MAX);
        let task = tokio::spawn(run(context.clone(), source, told));
        Self { source, alarms: Alarms::new(context, source), waiting, task }
    }

    /// Takes what the feed says of `symbol`; never waits. Notices of other kinds are left out.
    pub(crate) fn tell(&self, symbol: &Symbol, notice: &Notice) {
        let status = match notice.what {
            NoticeKind::Halted => TradingStatus::Halted,
            NoticeKind::Resumed => TradingStatus::Resumed,
            NoticeKind::Corrected | NoticeKind::Cancelled | NoticeKind::Missing { .. } => return,
        };
        let (source, detail) = (self.source.to_owned(), notice.detail.clone());
        let changed = TradingStatusChanged { symbol: symbol.clone(), status, at: notice.at, source, detail };
        if let Err(refused) = self.waiting.try_send(changed) {
            let changed = refused.into_inner();
            lost(&self.alarms, format!("{WAITING_MAX} wait for the bus already; {} {status:?}", changed.symbol));
        }
    }

    /// Waits until all is published, at most for `limit`.
    pub(crate) async fn finish(self, limit: Duration) {
        let Self { alarms, waiting, mut task, .. } = self;
        drop(waiting);
        if timeout(limit, &mut task).await.is_err() {
            task.abort();
            lost(&alarms, "the bus did not take all of them before the end".to_owned());
        }
    }
}

fn lost(alarms: &Alarms, detail: String) {
    let message = "halts that the exchange has told are lost; until they trade, silence alone shows them".to_owned();
    alarms.fault(Severity::Warning, "trading_status_lost", message, detail);
}

async fn run(context: Arc<GatewayContext>, source: &'static str, mut told: Receiver<TradingStatusChanged>) {
    let alarms = Alarms::new(context.clone(), source);
    while let Some(changed) = told.recv().await {
        let halted = if changed.status == TradingStatus::Halted { "halted" } else { "resumed" };
        let at = changed.at.nanos().to_string();
        let id = EventId::from_parts(&["trading_status_changed", source, changed.symbol.as_str(), &at, halted]);
        let meta = context.meta(id).build();
        let event = Event::TradingStatusChanged(changed);
        // The id keeps a repetition from counting twice.
        while let Err(error) = context.publisher.publish(&event, &meta).await {
            if !matches!(error.class(), Class::Transient | Class::UnknownOutcome) {
                lost(&alarms, chain(&error));
                break;
            }
            tracing::warn!(error = chain(&error), "a trading status waits for the bus");
            sleep(RETRY).await;
        }
    }
}
