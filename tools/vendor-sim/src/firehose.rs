//! Pre-built trade frames for benches, sent as fast as a socket takes them or at a fixed rate.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::feed::write_trade;
use crate::rng::Rng;
use crate::session::{Session, World};

const STAMP_DIGITS: usize = 13;

/// What to send.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Plan {
    /// Symbols to take from the session, in ticker order.
    symbols: usize,
    /// Trades to send on each connection.
    trades: u64,
    /// Trades a second; as fast as possible if absent.
    rate: Option<u64>,
    /// Most trades in one frame.
    frame_trades: usize,
}

impl Default for Plan {
    fn default() -> Self {
        Self { symbols: usize::MAX, trades: 10_000_000, rate: None, frame_trades: 200 }
    }
}

impl Plan {
    /// Everything there is, until it is stopped.
    pub(crate) fn endless() -> Self {
        Self { trades: u64::MAX, ..Self::default() }
    }
}

/// A frame whose times are filled in when it is sent.
#[derive(Debug)]
struct Template {
    text: Vec<u8>,
    stamps: Vec<Range<usize>>,
    shares: u64,
    checksum: u64,
}

/// One run.
#[derive(Debug)]
pub(crate) struct Load {
    plan: Plan,
    templates: Vec<Template>,
    /// Market milliseconds of the first trade; later ones advance with wall time.
    start_ms: i64,
    begun: OnceLock<Instant>,
    finished: OnceLock<Duration>,
    stopped: AtomicBool,
    trades: AtomicU64,
    frames: AtomicU64,
    shares: AtomicU64,
    checksum: AtomicU64,
}

/// The switch that all connections watch.
#[derive(Debug)]
pub(crate) struct Firehose(watch::Sender<Option<Arc<Load>>>);

impl Firehose {
    pub(crate) fn new() -> Self {
        Self(watch::channel(None).0)
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Option<Arc<Load>>> {
        self.0.subscribe()
    }

    /// Starts sending to every connection, present and future.
    pub(crate) fn start(&self, plan: Plan, world: &World, session: &Session, now: i64) {
        self.stop();
        self.0.send_replace(Some(Arc::new(Load::new(plan, world, session, now))));
    }

    pub(crate) fn stop(&self) {
        if let Some(load) = self.0.send_replace(None) {
            load.stopped.store(true, Ordering::Relaxed);
        }
    }

    /// Totals of the present run.
    pub(crate) fn report(&self) -> Value {
        self.0.borrow().as_ref().map_or_else(|| json!({"running": false, "trades": 0}), |load| load.report())
    }
}

impl Load {
    fn new(plan: Plan, world: &World, session: &Session, now: i64) -> Self {
        let mut rng = Rng::keyed(&[31]);
        let mut trades = session.trades.iter().filter(|t| usize::from(t.symbol) < plan.symbols).peekable();
        let mut templates = Vec::new();
        while trades.peek().is_some() {
            let size = rng.int(1, plan.frame_trades.max(1) as i64 + 1) as usize;
            let mut text = String::new();
            let mut template = Template { text: Vec::new(), stamps: Vec::new(), shares: 0, checksum: 0 };
            for trade in trades.by_ref().take(size) {
                let from = text.len();
                write_trade(&mut text, trade, &world.listings()[usize::from(trade.symbol)].ticker);
                let at = text[from..].find("\"t\":").map_or(from, |at| from + at + 4);
                template.stamps.push(at..at + STAMP_DIGITS);
                template.shares += u64::from(trade.size);
                template.checksum += (trade.price / 100_000) as u64 * u64::from(trade.size);
            }
            text.push_str("],\"type\":\"trade\"}");
            template.text = text.into_bytes();
            templates.push(template);
        }
        Self {
            plan,
            templates,
            start_ms: now / 1_000_000,
            begun: OnceLock::new(),
            finished: OnceLock::new(),
            stopped: AtomicBool::new(false),
            trades: AtomicU64::new(0),
            frames: AtomicU64::new(0),
            shares: AtomicU64::new(0),
            checksum: AtomicU64::new(0),
        }
    }

    /// A connection's own pass over the frames.
    pub(crate) fn cursor(self: &Arc<Self>) -> Cursor {
        Cursor { load: Arc::clone(self), next: 0, sent: 0 }
    }

    fn report(&self) -> Value {
        let elapsed =
            self.finished.get().copied().or_else(|| self.begun.get().map(Instant::elapsed)).unwrap_or_default();
        let trades = self.trades.load(Ordering::Relaxed);
        json!({
            "running": self.finished.get().is_none(),
            "trades": trades,
            "frames": self.frames.load(Ordering::Relaxed),
            "shares": self.shares.load(Ordering::Relaxed),
            "checksum": self.checksum.load(Ordering::Relaxed).to_string(),
            "elapsed_seconds": elapsed.as_secs_f64(),
            "trades_per_second": if elapsed.is_zero() { 0.0 } else { trades as f64 / elapsed.as_secs_f64() },
            "start_ms": self.start_ms,
        })
    }
}

/// Where one connection is.
#[derive(Debug)]
pub(crate) struct Cursor {
    load: Arc<Load>,
    next: usize,
    sent: u64,
}

impl Cursor {
    /// The next frame's text with the present time in it; `None` at the end.
    pub(crate) fn frame(&mut self) -> Option<Vec<u8>> {
        let load = &self.load;
        let begun = *load.begun.get_or_init(Instant::now);
        if self.sent >= load.plan.trades || load.templates.is_empty() || load.stopped.load(Ordering::Relaxed) {
            load.finished.get_or_init(|| begun.elapsed());
            return None;
        }
        let template = &load.templates[self.next];
        self.next = (self.next + 1) % load.templates.len();
        let now_ms = load.start_ms + begun.elapsed().as_millis() as i64;
        let stamp = format!("{now_ms:013}");
        let mut text = template.text.clone();
        for range in &template.stamps {
            text[range.clone()].copy_from_slice(&stamp.as_bytes()[..STAMP_DIGITS]);
        }
        let trades = template.stamps.len() as u64;
        self.sent += trades;
        load.trades.fetch_add(trades, Ordering::Relaxed);
        load.frames.fetch_add(1, Ordering::Relaxed);
        load.shares.fetch_add(template.shares, Ordering::Relaxed);
        load.checksum.fetch_add(template.checksum, Ordering::Relaxed);
        Some(text)
    }

    /// How long to wait so that the rate is kept.
    pub(crate) fn delay(&self) -> Option<Duration> {
        let due = Duration::from_secs_f64(self.sent as f64 / self.load.plan.rate? as f64);
        due.checked_sub(self.load.begun.get()?.elapsed())
    }
}
