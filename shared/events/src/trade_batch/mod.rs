//! `finagent.market.v1.TradeBatch`: the wire of `trade_batch.proto`, in one pass in both directions.

mod field;
mod reader;
mod scale;
mod varint;
mod writer;

use domain::market::{ConditionScheme, Tape, Trade, TradeBatch, TradeColumns};
use domain::{Symbol, UnixNanos};
use prost::Message;

pub use reader::TradeBatchReader;
pub use writer::TradeBatchWriter;

use crate::error::DecodeError;
use crate::fields::{Fields, Payload, WireEnum, texts};
use crate::wire::market::v1 as wire;
use scale::Scale;

const NAME: &str = "market.v1.TradeBatch";

/// Everything of a batch but its trades; the fields of [`TradeBatch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader<'a> {
    /// The feed, not empty.
    pub source: &'a str,
    /// Which prints the feed carries.
    pub tape: Tape,
    /// How condition sets are written.
    pub scheme: ConditionScheme,
    /// The gateway's ownership epoch of this source.
    pub epoch: u64,
    /// Counts from 1 without a hole.
    pub batch_no: u64,
    /// The partition of every symbol in the batch.
    pub partition: u32,
    /// Every earlier trade of this partition is in this batch or an earlier one.
    pub watermark: UnixNanos,
    /// When the newest frame was received.
    pub ts_recv: UnixNanos,
}

/// One trade on its way into a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Print<'a> {
    /// The caller's number of the symbol, the same in every batch; small, since tables grow up to it.
    pub symbol_id: u32,
    /// The symbol's text, as [`Symbol`] allows it.
    pub symbol: &'a str,
    /// The caller's number of the condition set, the same in every batch; small too.
    pub condition_id: u32,
    /// The condition set's text.
    pub conditions: &'a str,
    /// Time (not before 1970), price and size (positive).
    pub trade: Trade,
}

/// One trade on its way out of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Index into [`TradeBatchReader::symbols`], in range.
    pub symbol: u32,
    /// Index into [`TradeBatchReader::condition_sets`], in range.
    pub conditions: u32,
    /// Time (not before 1970), price and size (positive).
    pub trade: Trade,
}

impl Payload for TradeBatch {
    fn to_payload(&self) -> Vec<u8> {
        let columns = &self.trades;
        let price_scale = Scale::dividing(&columns.price);
        let ts_scale = Scale::dividing(&columns.ts_event);
        let mut last_price = vec![0; self.symbols.len()];
        let price_delta = columns.symbol.iter().zip(&columns.price).map(|(symbol, price)| {
            let before = last_price.get_mut(*symbol as usize).map_or(0, |last| std::mem::replace(last, *price));
            price_scale.divide(price.wrapping_sub(before))
        });
        let mut last_ts = 0;
        let ts_delta = columns.ts_event.iter().map(|ts| {
            let before = std::mem::replace(&mut last_ts, *ts);
            ts_scale.divide(ts.wrapping_sub(before))
        });
        wire::TradeBatch {
            source: self.source.clone(),
            tape: self.tape.to_wire(),
            scheme: self.scheme.to_wire(),
            epoch: self.epoch,
            batch_no: self.batch_no,
            partition: self.partition,
            watermark: self.watermark.nanos(),
            ts_recv: self.ts_recv.nanos(),
            count: columns.price.len() as u32,
            price_exponent: price_scale.exponent(),
            ts_exponent: ts_scale.exponent(),
            symbols: texts(&self.symbols),
            condition_sets: self.condition_sets.clone(),
            symbol_index: unless_zeros(&columns.symbol),
            price_delta: price_delta.collect(),
            ts_delta: ts_delta.collect(),
            size: columns.size.clone(),
            condition_index: unless_zeros(&columns.conditions),
        }
        .encode_to_vec()
    }

    fn from_payload(payload: &[u8]) -> Result<Self, DecodeError> {
        let reader = TradeBatchReader::new(payload)?;
        let header = reader.header();
        let mut trades = TradeColumns::default();
        reader.for_each(|row| {
            trades.symbol.push(row.symbol);
            trades.ts_event.push(row.trade.ts_event.nanos());
            trades.price.push(row.trade.price.nanos());
            trades.size.push(row.trade.size);
            trades.conditions.push(row.conditions);
        })?;
        let f = Fields(NAME);
        let symbols: Result<Vec<Symbol>, _> = reader.symbols().iter().map(|s| f.symbol("symbols", s)).collect();
        Ok(Self {
            source: header.source.to_owned(),
            tape: header.tape,
            scheme: header.scheme,
            epoch: header.epoch,
            batch_no: header.batch_no,
            partition: header.partition,
            watermark: header.watermark,
            ts_recv: header.ts_recv,
            symbols: symbols?,
            condition_sets: reader.condition_sets().iter().map(ToString::to_string).collect(),
            trades,
        })
    }
}

fn unless_zeros(column: &[u32]) -> Vec<u32> {
    if column.iter().all(|v| *v == 0) { Vec::new() } else { column.to_vec() }
}
