//! Minute bars of every symbol, folded from trade batches.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::market::{Eligibility, MinuteBar, Trade, TradeBatch};
use domain::{Price, Symbol, UnixNanos};

use crate::store::Batch;

/// Bars kept in memory per symbol; an older one that a late print revises is read from the store again.
const RECENT: usize = 3;

/// The bars that are still changing, and which of them the store does not have yet.
#[derive(Debug, Default)]
pub struct BarBook {
    charts: HashMap<Symbol, BTreeMap<UnixNanos, MinuteBar>>,
    dirty: BTreeSet<(Symbol, UnixNanos)>,
}

impl BarBook {
    /// Adds a batch; false when it has been added before.
    pub async fn fold(&mut self, store: &mut Batch<'_>, batch: &TradeBatch) -> Result<bool, sqlx::Error> {
        let seen = store.watermark(&batch.source, batch.partition).await?;
        if seen.is_some_and(|w| (w.epoch, w.batch_no) >= (batch.epoch, batch.batch_no)) {
            return Ok(false);
        }
        let eligibility: Vec<Eligibility> =
            batch.condition_sets.iter().map(|c| Eligibility::of(batch.scheme, c)).collect();
        let columns = &batch.trades;
        for i in 0..columns.symbol.len() {
            let Some(symbol) = batch.symbols.get(columns.symbol[i] as usize) else { continue };
            let Some(&may) = eligibility.get(columns.conditions[i] as usize) else { continue };
            let trade = Trade {
                ts_event: UnixNanos::new(columns.ts_event[i]),
                price: Price::from_nanos(columns.price[i]),
                size: columns.size[i],
            };
            self.add(store, symbol, &trade, may).await?;
        }
        store.put_watermark(batch);
        Ok(true)
    }

    async fn add(
        &mut self,
        store: &mut Batch<'_>,
        symbol: &Symbol,
        trade: &Trade,
        may: Eligibility,
    ) -> Result<(), sqlx::Error> {
        let chart = self.chart(store, symbol).await?;
        let start = MinuteBar::start_of(trade.ts_event);
        let newest = chart.last_key_value().map(|(newest, _)| *newest);
        if !chart.contains_key(&start) && newest.is_some_and(|n| start < n) {
            // A late print: the store may have this minute although it is not in memory any more.
            if let Some(bar) = store.bar(symbol, start).await? {
                chart.insert(start, bar);
            }
        }
        match chart.get_mut(&start) {
            Some(bar) => bar.add(trade, may),
            None => match MinuteBar::first(trade, may) {
                Some(bar) => drop(chart.insert(start, bar)),
                None => return Ok(()),
            },
        }
        if !self.dirty.contains(&(symbol.clone(), start)) {
            self.dirty.insert((symbol.clone(), start));
        }
        Ok(())
    }

    /// The symbol's recent bars; at first sight its newest one comes from the store.
    async fn chart(
        &mut self,
        store: &mut Batch<'_>,
        symbol: &Symbol,
    ) -> Result<&mut BTreeMap<UnixNanos, MinuteBar>, sqlx::Error> {
        if !self.charts.contains_key(symbol) {
            let newest = store.newest_bar(symbol).await?;
            self.charts.insert(symbol.clone(), newest.into_iter().map(|b| (b.start, b)).collect());
        }
        Ok(self.charts.entry(symbol.clone()).or_default())
    }

    /// The symbol's newest price.
    pub async fn mark(&mut self, store: &mut Batch<'_>, symbol: &Symbol) -> Result<Option<Price>, sqlx::Error> {
        Ok(self.chart(store, symbol).await?.last_key_value().map(|(_, bar)| bar.close))
    }

    /// Writes what changed and names the symbols whose bars did.
    pub fn flush(&mut self, store: &mut Batch<'_>) -> BTreeSet<Symbol> {
        let mut changed = BTreeSet::new();
        for (symbol, start) in std::mem::take(&mut self.dirty) {
            let Some(chart) = self.charts.get_mut(&symbol) else { continue };
            if let Some(bar) = chart.get(&start) {
                store.put_bar(&symbol, bar);
            }
            while chart.len() > RECENT {
                chart.pop_first();
            }
            changed.insert(symbol);
        }
        changed
    }
}
