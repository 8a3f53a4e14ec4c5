//! A reader that looks at every trade: folds MARKET into each symbol's state, and keeps what the service does not: sums,
//! the messages, and how old each trade was.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use bus::{Bus, BusConfig, FoldSpec, Kind, RawFold, RawItem};
use bytes::Bytes;
use domain::market::{Eligibility, SymbolState, Windows};
use domain::{Symbol, calendar};
use events::TradeBatchReader;
use hdrhistogram::Histogram;

use crate::generator::{Generator, NUMBER_UNIT, PACED_PRICE, Tally};

/// Made prices are whole cents, but for those of paced frames.
const CENT: i64 = 10_000_000;

/// What the fold has seen since it was last asked.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) tally: Tally,
    pub(crate) batches: u64,
    pub(crate) bytes: u64,
    /// When the last trade was folded.
    pub(crate) finished: Instant,
    /// Send to folded, nanoseconds; of paced frames only.
    pub(crate) latency: Histogram<u64>,
    /// The batches that held trades, where they are kept.
    pub(crate) messages: Vec<Message>,
}

/// One message as it came.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) subject: String,
    pub(crate) payload: Bytes,
    pub(crate) at: Instant,
}

/// The fold, on its own thread.
pub(crate) struct Reader {
    shared: Arc<Shared>,
}

struct Shared {
    seen: Mutex<anyhow::Result<Seen>>,
    keep: AtomicBool,
}

impl Seen {
    fn nothing() -> Self {
        Self {
            tally: Tally::default(),
            batches: 0,
            bytes: 0,
            finished: Instant::now(),
            latency: Histogram::new_with_bounds(1_000, 60_000_000_000, 3)
                .unwrap_or_else(|_| unreachable!("bounds are valid")),
            messages: Vec::new(),
        }
    }
}

impl Reader {
    /// Begins to read the stream from its beginning.
    pub(crate) fn start(config: BusConfig, generator: &Generator) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared { seen: Mutex::new(Ok(Seen::nothing())), keep: AtomicBool::new(false) });
        let (started, ready) = sync_channel(1);
        let mut state = State::new(generator.sent_at.clone(), generator.origin);
        let seen = shared.clone();
        thread::Builder::new().name("fold".into()).spawn(move || {
            let opened = async {
                let bus = Bus::connect(&config, "bench-fold").await?;
                let fold = RawFold::open(&bus, FoldSpec::kinds(&[Kind::TradeBatch]))?;
                Ok::<_, anyhow::Error>((bus, fold))
            };
            let run = async {
                let (_bus, mut fold) = match opened.await {
                    Ok(opened) => opened,
                    Err(error) => return drop(started.send(Err(error))),
                };
                let _ = started.send(Ok(()));
                loop {
                    let folded = match fold.next().await {
                        Ok(RawItem::Message(message)) => state.fold(message.subject(), &message.payload, &seen),
                        Ok(RawItem::CaughtUp) => Ok(()),
                        Err(error) => Err(error.into()),
                    };
                    if let Err(error) = folded {
                        *seen.lock() = Err(error);
                        return;
                    }
                }
            };
            if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
                runtime.block_on(run);
            }
        })?;
        ready.recv().context("the fold did not start")??;
        Ok(Self { shared })
    }

    /// Whether the messages of the next runs are kept.
    pub(crate) fn keep(&self, keep: bool) {
        self.shared.keep.store(keep, Ordering::Relaxed);
    }

    /// Waits until `trades` have been folded, and begins the next count; gives up when nothing comes for ten seconds.
    pub(crate) fn take(&self, trades: u64) -> anyhow::Result<Seen> {
        loop {
            thread::sleep(Duration::from_millis(2));
            let mut seen = self.shared.lock();
            match &*seen {
                Ok(counted) => {
                    if counted.tally.trades >= trades {
                        return std::mem::replace(&mut *seen, Ok(Seen::nothing()));
                    }
                    let quiet = counted.finished.elapsed();
                    anyhow::ensure!(
                        quiet < Duration::from_secs(10),
                        "lost: {} of {trades} trades came",
                        counted.tally.trades
                    );
                }
                Err(_) => return std::mem::replace(&mut *seen, Ok(Seen::nothing())),
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, anyhow::Result<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A scanner's state: every symbol's session so far, and where each partition stands.
pub(crate) struct State {
    windows: Windows,
    symbols: HashMap<Symbol, usize>,
    states: Vec<SymbolState>,
    slots: Vec<usize>,
    eligibilities: Vec<Eligibility>,
    batch_numbers: HashMap<(u32, u64), u64>,
    sent_at: Arc<Vec<AtomicU64>>,
    origin: Instant,
}

impl State {
    pub(crate) fn new(sent_at: Arc<Vec<AtomicU64>>, origin: Instant) -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let session = calendar::session_at(domain::UnixNanos::new(now.as_nanos() as i64));
        Self {
            windows: Windows::new(session, 5),
            symbols: HashMap::new(),
            states: Vec::new(),
            slots: Vec::new(),
            eligibilities: Vec::new(),
            batch_numbers: HashMap::new(),
            sent_at,
            origin,
        }
    }

    fn fold(&mut self, subject: &str, payload: &Bytes, shared: &Shared) -> anyhow::Result<()> {
        let batch = TradeBatchReader::new(payload)?;
        let header = batch.header();
        let expected = self.batch_numbers.entry((header.partition, header.epoch)).or_insert(0);
        *expected += 1;
        anyhow::ensure!(
            *expected == header.batch_no,
            "partition {} epoch {}: batch {} came, {expected} was due",
            header.partition,
            header.epoch,
            header.batch_no
        );
        if batch.count() == 0 {
            return Ok(());
        }
        let mut tally = Tally::default();
        let paced = self.apply(&batch, &mut tally)?;

        let mut guard = shared.lock();
        let Ok(seen) = &mut *guard else { return Ok(()) };
        seen.tally.join(&tally);
        seen.batches += 1;
        seen.bytes += payload.len() as u64;
        seen.finished = Instant::now();
        if paced {
            self.latencies(&batch, &mut seen.latency)?;
        }
        if shared.keep.load(Ordering::Relaxed) {
            seen.messages.push(Message { subject: subject.to_owned(), payload: payload.clone(), at: seen.finished });
        }
        Ok(())
    }

    /// Folds a batch; true when its trades carry their frame's number.
    pub(crate) fn apply(&mut self, batch: &TradeBatchReader<'_>, tally: &mut Tally) -> anyhow::Result<bool> {
        self.slots.clear();
        for symbol in batch.symbols() {
            let symbol: Symbol = symbol.parse()?;
            let next = self.states.len();
            let slot = *self.symbols.entry(symbol).or_insert(next);
            if slot == next {
                self.states.push(SymbolState::default());
            }
            self.slots.push(slot);
        }
        let scheme = batch.header().scheme;
        self.eligibilities.clear();
        self.eligibilities.extend(batch.condition_sets().iter().map(|set| Eligibility::of(scheme, set)));
        let mut last_price = 0;
        batch.for_each(|row| {
            let state = &mut self.states[self.slots[row.symbol as usize]];
            state.apply(&self.windows, &row.trade, self.eligibilities[row.conditions as usize]);
            last_price = row.trade.price.nanos();
            tally.add(last_price, row.trade.size);
        })?;
        Ok(last_price % CENT != 0)
    }

    fn latencies(&self, batch: &TradeBatchReader<'_>, latency: &mut Histogram<u64>) -> anyhow::Result<()> {
        let now = self.origin.elapsed().as_nanos() as u64;
        batch.for_each(|row| {
            let number = (row.trade.price.nanos() - PACED_PRICE * 1_000_000_000) / NUMBER_UNIT;
            if let Some(sent) = usize::try_from(number).ok().and_then(|number| self.sent_at.get(number)) {
                latency.saturating_record(now.saturating_sub(sent.load(Ordering::Relaxed)));
            }
        })?;
        Ok(())
    }
}

/// Messages of one run with the time since its first.
pub(crate) fn schedule(messages: &[Message]) -> Vec<(Duration, &Message)> {
    let first = messages.first().map(|message| message.at);
    messages.iter().map(|m| (first.map_or(Duration::ZERO, |first| m.at.duration_since(first)), m)).collect()
}
