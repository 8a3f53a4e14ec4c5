//! From trades to a `TradeBatch`'s bytes without a message in between.

use crate::fields::WireEnum;
use crate::trade_batch::field;
use crate::trade_batch::scale::Scale;
use crate::trade_batch::varint::{Column, push, zigzag};
use crate::trade_batch::{BatchHeader, Print};

/// Collects trades and writes them as one message, byte for byte what protobuf's own encoder writes for it.
///
/// Made once for each partition and used for ever: after the first batches it allocates nothing.
#[derive(Debug)]
pub struct TradeBatchWriter {
    symbols: Dictionary,
    conditions: Dictionary,
    rows: Vec<Row>,
    last_ts: i64,
    price_scale: Scale,
    ts_scale: Scale,
    packed: Column,
}

/// One trade as the columns will hold it, but for the division by a power of ten.
#[derive(Debug, Clone, Copy)]
struct Row {
    price_delta: i64,
    ts_delta: i64,
    symbol: u32,
    conditions: u32,
    size: u32,
}

impl Default for TradeBatchWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl TradeBatchWriter {
    /// A writer with an empty batch.
    pub fn new() -> Self {
        Self {
            symbols: Dictionary::new(field::SYMBOLS),
            conditions: Dictionary::new(field::CONDITION_SETS),
            rows: Vec::new(),
            last_ts: 0,
            price_scale: Scale::largest(),
            ts_scale: Scale::largest(),
            packed: Column::default(),
        }
    }

    /// Number of trades in the batch.
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// True when the batch has no trade.
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds a trade to the batch. Nothing is checked here: readers refuse the whole batch for one bad value.
    #[inline]
    pub fn append(&mut self, print: &Print<'_>) {
        let ts = print.trade.ts_event.nanos();
        let ts_delta = ts.wrapping_sub(std::mem::replace(&mut self.last_ts, ts));
        self.ts_scale = self.ts_scale.lowered_to(ts_delta);

        let symbol = self.symbols.entry(print.symbol_id, print.symbol);
        let price = print.trade.price.nanos();
        let price_delta = price.wrapping_sub(std::mem::replace(&mut symbol.last_price, price));
        self.price_scale = self.price_scale.lowered_to(price_delta);

        let conditions = self.conditions.entry(print.condition_id, print.conditions).index;
        self.rows.push(Row { price_delta, ts_delta, symbol: symbol.index, conditions, size: print.trade.size });
    }

    /// Appends the message to `out` and begins the next batch.
    pub fn finish(&mut self, header: &BatchHeader<'_>, out: &mut Vec<u8>) {
        put_text(out, field::SOURCE, header.source);
        put_number(out, field::TAPE, header.tape.to_wire() as u64);
        put_number(out, field::SCHEME, header.scheme.to_wire() as u64);
        put_number(out, field::EPOCH, header.epoch);
        put_number(out, field::BATCH_NO, header.batch_no);
        put_number(out, field::PARTITION, u64::from(header.partition));
        put_number(out, field::WATERMARK, header.watermark.nanos() as u64);
        put_number(out, field::TS_RECV, header.ts_recv.nanos() as u64);
        if !self.is_empty() {
            self.put_trades(out);
        }
        self.clear();
    }

    fn put_trades(&mut self, out: &mut Vec<u8>) {
        put_number(out, field::COUNT, self.len() as u64);
        put_number(out, field::PRICE_EXPONENT, u64::from(self.price_scale.exponent()));
        put_number(out, field::TS_EXPONENT, u64::from(self.ts_scale.exponent()));
        out.extend_from_slice(&self.symbols.wire);
        out.extend_from_slice(&self.conditions.wire);
        let (price_scale, ts_scale) = (self.price_scale, self.ts_scale);
        if self.symbols.len > 1 {
            self.put_column(out, field::SYMBOL_INDEX, |row| u64::from(row.symbol));
        }
        self.put_column(out, field::PRICE_DELTA, |row| zigzag(price_scale.divide(row.price_delta)));
        self.put_column(out, field::TS_DELTA, |row| zigzag(ts_scale.divide(row.ts_delta)));
        self.put_column(out, field::SIZE, |row| u64::from(row.size));
        if self.conditions.len > 1 {
            self.put_column(out, field::CONDITION_INDEX, |row| u64::from(row.conditions));
        }
    }

    fn put_column(&mut self, out: &mut Vec<u8>, field: u32, value: impl Fn(&Row) -> u64) {
        put_entry(out, field, self.packed.pack(self.rows.iter().map(value)));
    }

    fn clear(&mut self) {
        self.symbols.clear();
        self.conditions.clear();
        self.rows.clear();
        self.last_ts = 0;
        self.price_scale = Scale::largest();
        self.ts_scale = Scale::largest();
    }
}

/// The texts of one batch in order of appearance, already in wire form, and where each caller's id stands.
#[derive(Debug)]
struct Dictionary {
    field: u32,
    wire: Vec<u8>,
    len: u32,
    /// Entries of other batches are recognised by their number, so that nothing needs to be reset.
    batch: u64,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    batch: u64,
    index: u32,
    last_price: i64,
}

impl Dictionary {
    const fn new(field: u32) -> Self {
        Self { field, wire: Vec::new(), len: 0, batch: 1, entries: Vec::new() }
    }

    #[inline]
    fn entry(&mut self, id: u32, text: &str) -> &mut Entry {
        let id = id as usize;
        if self.entries.get(id).is_none_or(|entry| entry.batch != self.batch) {
            self.insert(id, text);
        }
        &mut self.entries[id]
    }

    #[cold]
    fn insert(&mut self, id: usize, text: &str) {
        if id >= self.entries.len() {
            self.entries.resize(id + 1, Entry::default());
        }
        self.entries[id] = Entry { batch: self.batch, index: self.len, last_price: 0 };
        self.len += 1;
        put_entry(&mut self.wire, self.field, text.as_bytes());
    }

    fn clear(&mut self) {
        self.wire.clear();
        self.len = 0;
        self.batch += 1;
    }
}

fn put_number(out: &mut Vec<u8>, field: u32, value: u64) {
    if value != 0 {
        push(out, field::key(field, field::VARINT));
        push(out, value);
    }
}

fn put_text(out: &mut Vec<u8>, field: u32, text: &str) {
    if !text.is_empty() {
        put_entry(out, field, text.as_bytes());
    }
}

/// One element of a repeated field, or a whole packed column: written even if it is empty.
fn put_entry(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    push(out, field::key(field, field::LENGTH_DELIMITED));
    push(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}
