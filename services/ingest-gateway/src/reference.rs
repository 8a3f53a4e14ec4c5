//! Each symbol's history, fetched once for each session and published.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bus::{Fold, FoldSpec, Item, Kind};
use domain::market::{Lending, ReferenceUpdated};
use domain::ops::Severity;
use domain::{Event, EventId, SessionDate, StreamName, Symbol, UnixNanos, calendar};
use futures_util::{StreamExt, stream};
use ports::{LendingPort, Listing};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::adapters::clock::MarketClock;
use crate::config::ms;
use crate::error::{GatewayError, chain};
use crate::facts::Facts;
use crate::sources::{Sources, ask, raise};
use crate::universe::Universe;
use crate::{GatewayContext, metrics};

/// Symbols whose facts are asked for in one go, as far as a vendor takes several.
const CHUNK: usize = 25;
const LOOK: Duration = Duration::from_millis(200);

/// Keeps the history of every symbol published for the session that market time is in.
pub(crate) struct Reference {
    context: Arc<GatewayContext>,
    sources: Arc<Sources>,
    universe: Arc<Universe>,
    clock: MarketClock,
    stored: HashMap<Symbol, SessionDate>,
    refused: BTreeSet<Symbol>,
    complete: watch::Sender<bool>,
}

impl Reference {
    /// Reads from the bus what earlier runs have published. The receiver turns true when the first session's history
    /// is complete.
    pub(crate) async fn open(
        context: Arc<GatewayContext>,
        sources: Arc<Sources>,
        universe: Arc<Universe>,
        clock: MarketClock,
    ) -> Result<(Self, watch::Receiver<bool>), GatewayError> {
        let mut stored = HashMap::new();
        let mut fold = Fold::open(&context.bus, FoldSpec::kinds(&[Kind::ReferenceUpdated]).latest(StreamName::Market))?;
        loop {
            match fold.next().await? {
                Item::Event(folded) => {
                    if let Event::ReferenceUpdated(reference) = folded.event {
                        stored.insert(reference.symbol, reference.session_date);
                    }
                }
                Item::CaughtUp => break,
                // An older version's record that cannot be read is fetched again.
                Item::Poison(poison) => tracing::warn!(reason = poison.reason, "a stored reference cannot be read"),
            }
        }
        let (complete, completed) = watch::channel(false);
        Ok((Self { context, sources, universe, clock, stored, refused: BTreeSet::new(), complete }, completed))
    }

    /// Follows market time for ever.
    pub(crate) async fn run(mut self) {
        let mut date = None;
        let mut retry_at = Instant::now();
        loop {
            let now = Instant::now();
            if let Some(today) = self.clock.reading().map(|reading| session_of(reading.market)) {
                if date != Some(today) {
                    date = Some(today);
                    self.refused.clear();
                    retry_at = now;
                }
                if now >= retry_at {
                    self.fetch_missing(today).await;
                    retry_at = Instant::now() + ms(self.context.config.reference.retry_ms);
                }
            }
            sleep(LOOK).await;
        }
    }

    async fn fetch_missing(&mut self, session: SessionDate) {
        let missing = self.missing(session);
        self.tell(session);
        if missing.is_empty() {
            return;
        }
        tracing::info!(%session, symbols = missing.len(), "fetching reference history");
        let lending = self.lending(&missing).await;
        let (sources, context) = (&self.sources, &self.context);
        let chunks: Vec<Vec<Listing>> = missing.chunks(CHUNK).map(<[Listing]>::to_vec).collect();
        let mut answers = stream::iter(chunks)
            .map(|chunk| async move {
                let symbols: Vec<Symbol> = chunk.iter().map(|listing| listing.symbol.clone()).collect();
                (Facts::gather(sources, &symbols, session, |error| raise(context, error)).await, chunk)
            })
            .buffer_unordered(self.context.config.reference.concurrency);
        let mut failures = Failures::default();
        while let Some((mut facts, chunk)) = answers.next().await {
            let now = self.context.clock.now();
            for listing in &chunk {
                let lent = lending.get(&listing.symbol).map(|(_, lending)| *lending);
                let published = match (facts.reference(listing, lent, now), &facts.failure) {
                    (Some(event), _) => publish(&self.context, event).await.map_err(|error| (true, error)),
                    (None, Some(error)) => Err((error.is_transient(), chain(error))),
                    (None, None) => Err((false, "no source knows it".to_owned())),
                };
                match published {
                    Ok(()) => {
                        self.stored.insert(listing.symbol.clone(), session);
                    }
                    Err((transient, error)) => {
                        failures.add(&listing.symbol, error);
                        if !transient {
                            self.refused.insert(listing.symbol.clone());
                        }
                    }
                }
            }
        }
        drop(answers);
        failures.raise(&self.context, session);
        self.tell(session);
    }

    async fn lending(&self, missing: &[Listing]) -> HashMap<Symbol, (Arc<dyn LendingPort>, Lending)> {
        let symbols: Vec<Symbol> = missing.iter().map(|listing| listing.symbol.clone()).collect();
        let call = |port: Arc<dyn LendingPort>, symbols: Vec<Symbol>| async move { port.lending(&symbols).await };
        ask(&self.sources.lending, &symbols, call, |error| raise(&self.context, &error)).await
    }

    fn missing(&self, session: SessionDate) -> Vec<Listing> {
        let has = |symbol: &Symbol| self.stored.get(symbol) == Some(&session) || self.refused.contains(symbol);
        self.universe.listings().iter().filter(|listing| !has(&listing.symbol)).cloned().collect()
    }

    fn tell(&self, session: SessionDate) {
        let (total, refused, missing) = (self.universe.len(), self.refused.len(), self.missing(session).len());
        let complete = total - refused - missing;
        metrics::reference(complete, refused, missing);
        let detail = format!("{session}: {complete}/{total} complete, {refused} refused");
        self.context.readiness.set("reference", missing == 0 && complete > 0, detail);
        if missing == 0 {
            self.complete.send_replace(true);
        }
    }
}

/// The session whose history is wanted at `market`: the date's own, or on a day without one the next.
fn session_of(market: UnixNanos) -> SessionDate {
    let date = market.session_date();
    calendar::session(date).map_or_else(|| calendar::next_session(date).date, |session| session.date)
}

async fn publish(context: &GatewayContext, reference: ReferenceUpdated) -> Result<(), String> {
    let parts = ["reference_updated", reference.symbol.as_str(), &reference.session_date.to_string()];
    let meta = context.meta(EventId::from_parts(&parts)).build();
    let published = context.publisher.publish(&Event::ReferenceUpdated(reference), &meta).await;
    published.map(|_| ()).map_err(|error| chain(&error))
}

/// The failures of one round, raised as one error.
#[derive(Default)]
struct Failures {
    symbols: Vec<String>,
    first: Option<String>,
}

impl Failures {
    fn add(&mut self, symbol: &Symbol, error: String) {
        tracing::debug!(%symbol, error, "no reference history");
        self.symbols.push(symbol.to_string());
        self.first.get_or_insert(error);
    }

    fn raise(self, context: &GatewayContext, session: SessionDate) {
        let Some(first) = self.first else { return };
        let message = match self.symbols.as_slice() {
            [only] => format!("{only} has no history for {session}"),
            several => format!("{} symbols have no history for {session}", several.len()),
        };
        let shown = self.symbols.iter().take(20).cloned().collect::<Vec<_>>().join(", ");
        let subject = if let [only] = self.symbols.as_slice() { Some(only.as_str()) } else { None };
        let detail = format!("{first}; symbols: {shown}");
        context.errors.raise(Severity::Warning, "reference_missing", message, detail, subject);
    }
}

/// Waits for the first session's history, or until the head start is used up.
pub(crate) async fn head_start(mut complete: watch::Receiver<bool>, limit: Duration) {
    let waited = tokio::time::timeout(limit, complete.wait_for(|complete| *complete)).await;
    if waited.is_err() && !limit.is_zero() {
        tracing::warn!(limit_ms = limit.as_millis(), "the feed begins before the reference history is complete");
    }
}

/// The listings to follow: those configured, or the vendor's. A vendor that does not answer is asked again; with
/// configured symbols the feed goes on without knowing what kind of paper they are.
pub(crate) async fn listings(
    context: &GatewayContext,
    vendor: &crate::adapters::finnhub::FinnhubClient,
) -> Result<Vec<Listing>, GatewayError> {
    let wanted = &context.config.universe;
    let mut listed = loop {
        match vendor.listings(&wanted.exchange, &wanted.mics).await {
            Ok(listed) => break listed,
            Err(error) => {
                let detail = chain(&error);
                context.readiness.set("universe", false, detail.as_str());
                let message = format!("the symbols of {} cannot be listed", wanted.exchange);
                context.errors.raise(Severity::Critical, "universe_unknown", message, detail, None);
                if !wanted.symbols.is_empty() {
                    break Vec::new();
                }
                sleep(ms(context.config.feed.reconnect_ms_max)).await;
            }
        }
    };
    if !wanted.symbols.is_empty() {
        let known: HashMap<Symbol, Listing> = listed.into_iter().map(|l| (l.symbol.clone(), l)).collect();
        let unknown =
            |symbol: &Symbol| Listing { symbol: symbol.clone(), security_type: domain::market::SecurityType::Unknown };
        listed = wanted.symbols.iter().map(|s| known.get(s).cloned().unwrap_or_else(|| unknown(s))).collect();
    }
    if listed.is_empty() || listed.len() > wanted.symbols_max {
        return Err(GatewayError::Universe { found: listed.len(), max: wanted.symbols_max });
    }
    context.readiness.set("universe", true, format!("{} symbols", listed.len()));
    Ok(listed)
}
