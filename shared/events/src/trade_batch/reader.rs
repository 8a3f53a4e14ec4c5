//! From a `TradeBatch`'s bytes to trades without vectors in between.

use domain::market::{ConditionScheme, Tape, Trade};
use domain::{Price, Symbol, UnixNanos};

use crate::error::DecodeError;
use crate::fields::Fields;
use crate::trade_batch::scale::MAX_EXPONENT;
use crate::trade_batch::varint::{self, Bytes, unzigzag};
use crate::trade_batch::{BatchHeader, NAME, Row, field};

/// A batch whose header, dictionaries and column lengths are checked; the rows are checked as they are read.
///
/// Bytes are not trusted: nothing panics, and memory stays within a small multiple of the message's own size.
#[derive(Debug, Clone)]
pub struct TradeBatchReader<'a> {
    header: BatchHeader<'a>,
    symbols: Vec<&'a str>,
    condition_sets: Vec<&'a str>,
    count: u32,
    price_unit: i64,
    ts_unit: i64,
    columns: Columns<'a>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Columns<'a> {
    symbol_index: &'a [u8],
    price_delta: &'a [u8],
    ts_delta: &'a [u8],
    size: &'a [u8],
    condition_index: &'a [u8],
}

impl<'a> TradeBatchReader<'a> {
    /// Opens a batch.
    ///
    /// # Errors
    /// [`DecodeError::Malformed`] for bytes that are no protobuf or no `TradeBatch`, [`DecodeError::Field`] for a
    /// header, dictionary or column length that the contract does not allow.
    pub fn new(payload: &'a [u8]) -> Result<Self, DecodeError> {
        Raw::read(payload)?.check()
    }

    /// Everything but the trades.
    pub const fn header(&self) -> BatchHeader<'a> {
        self.header
    }

    /// The symbols that rows index; each is a valid [`Symbol`].
    pub fn symbols(&self) -> &[&'a str] {
        &self.symbols
    }

    /// The condition sets that rows index.
    pub fn condition_sets(&self) -> &[&'a str] {
        &self.condition_sets
    }

    /// Number of trades.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Hands every trade to `visit`, in order of arrival.
    ///
    /// # Errors
    /// [`DecodeError::Field`] at the first bad value; the rows before it have been visited by then. Whoever cannot
    /// take those back calls [`check`](Self::check) first.
    pub fn for_each(&self, mut visit: impl FnMut(Row)) -> Result<(), DecodeError> {
        let mut symbol_index = Bytes(self.columns.symbol_index);
        let mut price_delta = Bytes(self.columns.price_delta);
        let mut ts_delta = Bytes(self.columns.ts_delta);
        let mut sizes = Bytes(self.columns.size);
        let mut condition_index = Bytes(self.columns.condition_index);
        let one_symbol = symbol_index.is_empty();
        let one_condition_set = condition_index.is_empty();
        let condition_sets = self.condition_sets.len() as u64;
        let mut last_prices = vec![0_i64; self.symbols.len()];
        let mut last_ts = 0_i64;

        for row in 0..self.count {
            let symbol = if one_symbol { Some(0) } else { symbol_index.take_varint() };
            let Some(last_price) = symbol.and_then(|s| last_prices.get_mut(usize::try_from(s).ok()?)) else {
                return Err(bad_row("symbol_index", row, symbol, "an index into `symbols`"));
            };
            let price = price_delta.take_varint().and_then(|delta| {
                *last_price = last_price.checked_add(unzigzag(delta))?;
                last_price.checked_mul(self.price_unit).filter(|p| *p > 0)
            });
            let Some(price) = price else {
                return Err(bad_row("price_delta", row, *last_price, "a sum that is a positive price in 1e-9 USD"));
            };
            let ts = ts_delta.take_varint().and_then(|delta| {
                last_ts = last_ts.checked_add(unzigzag(delta))?;
                last_ts.checked_mul(self.ts_unit).filter(|t| *t >= 0)
            });
            let Some(ts) = ts else {
                return Err(bad_row("ts_delta", row, last_ts, "a sum that is a time from 1970 in nanoseconds"));
            };
            let size = sizes.take_varint();
            let Some(size) = size.and_then(|s| u32::try_from(s).ok()).filter(|s| *s > 0) else {
                return Err(bad_row("size", row, size, "a positive number of shares"));
            };
            let conditions = if one_condition_set { Some(0) } else { condition_index.take_varint() };
            let Some(conditions) = conditions.filter(|c| *c < condition_sets) else {
                return Err(bad_row("condition_index", row, conditions, "an index into `condition_sets`"));
            };
            visit(Row {
                symbol: symbol.unwrap_or_default() as u32,
                conditions: conditions as u32,
                trade: Trade { ts_event: UnixNanos::new(ts), price: Price::from_nanos(price), size },
            });
        }
        Ok(())
    }

    /// Reads every row and keeps none.
    ///
    /// # Errors
    /// As [`for_each`](Self::for_each).
    pub fn check(&self) -> Result<(), DecodeError> {
        self.for_each(|_| {})
    }
}

#[cold]
fn bad_row(column: &str, row: u32, value: impl std::fmt::Debug, expected: &'static str) -> DecodeError {
    DecodeError::field(NAME, &format!("{column}[{row}]"), value, expected)
}

/// The message's fields as they stand in the bytes.
#[derive(Default)]
struct Raw<'a> {
    source: &'a str,
    numbers: [u64; field::TS_EXPONENT as usize + 1],
    symbols: Vec<&'a str>,
    condition_sets: Vec<&'a str>,
    columns: Columns<'a>,
}

impl<'a> Raw<'a> {
    fn read(payload: &'a [u8]) -> Result<Self, DecodeError> {
        let mut raw = Self::default();
        let mut rest = Bytes(payload);
        while !rest.is_empty() {
            let key = rest.take_varint().ok_or_else(|| malformed("a field's key is cut off"))?;
            let number = u32::try_from(key >> 3).ok().filter(|n| *n > 0);
            let number = number.ok_or_else(|| malformed(format!("{key} is no field's key")))?;
            let cut_off = || malformed(format!("field {number} is cut off"));
            match (key & 7) as u32 {
                field::VARINT => raw.number(number, rest.take_varint().ok_or_else(cut_off)?)?,
                field::LENGTH_DELIMITED => {
                    let len = rest.take_varint().ok_or_else(cut_off)?;
                    raw.bytes(number, rest.take(len).ok_or_else(cut_off)?)?;
                }
                wire_type @ (field::FIXED64 | field::FIXED32) => {
                    let len = if wire_type == field::FIXED64 { 8 } else { 4 };
                    rest.take(len).ok_or_else(cut_off)?;
                    refuse_known(number)?;
                }
                other => return Err(malformed(format!("field {number} has wire type {other}"))),
            }
        }
        Ok(raw)
    }

    fn number(&mut self, field: u32, value: u64) -> Result<(), DecodeError> {
        match field {
            field::TAPE..=field::TS_EXPONENT => {
                self.numbers[field as usize] = value;
                Ok(())
            }
            _ => refuse_known(field),
        }
    }

    fn bytes(&mut self, field: u32, bytes: &'a [u8]) -> Result<(), DecodeError> {
        match field {
            field::SOURCE => self.source = text("source", bytes)?,
            field::SYMBOLS => {
                let symbol = text("symbols", bytes)?;
                if !Symbol::is_valid(symbol) {
                    let expected = "a symbol: 1 to 16 of A-Z, 0-9, dot, dash and slash";
                    return Err(DecodeError::field(
                        NAME,
                        &format!("symbols[{}]", self.symbols.len()),
                        symbol,
                        expected,
                    ));
                }
                self.symbols.push(symbol);
            }
            field::CONDITION_SETS => self.condition_sets.push(text("condition_sets", bytes)?),
            field::SYMBOL_INDEX => column("symbol_index", &mut self.columns.symbol_index, bytes)?,
            field::PRICE_DELTA => column("price_delta", &mut self.columns.price_delta, bytes)?,
            field::TS_DELTA => column("ts_delta", &mut self.columns.ts_delta, bytes)?,
            field::SIZE => column("size", &mut self.columns.size, bytes)?,
            field::CONDITION_INDEX => column("condition_index", &mut self.columns.condition_index, bytes)?,
            _ => return refuse_known(field),
        }
        Ok(())
    }

    fn check(self) -> Result<TradeBatchReader<'a>, DecodeError> {
        let f = Fields(NAME);
        let number = |field: u32| self.numbers[field as usize];
        let small = |name, field| {
            u32::try_from(number(field)).map_err(|_| DecodeError::field(NAME, name, number(field), "at most 32 bits"))
        };
        let unit = |name, field| {
            let exponent = f.check(name, number(field), |e| *e <= u64::from(MAX_EXPONENT), "0 to 9")?;
            Ok(10_i64.pow(exponent as u32))
        };
        let tape: Tape = f.one_of("tape", number(field::TAPE) as i32)?;
        let scheme: ConditionScheme = f.one_of("scheme", number(field::SCHEME) as i32)?;
        let count = small("count", field::COUNT)?;
        let columns = &self.columns;
        if count > 0 {
            f.check("symbols", self.symbols.len(), |n| *n > 0, "a symbol for the trades")?;
            f.check("condition_sets", self.condition_sets.len(), |n| *n > 0, "a condition set for the trades")?;
        }
        length("price_delta", columns.price_delta, count)?;
        length("ts_delta", columns.ts_delta, count)?;
        length("size", columns.size, count)?;
        for (name, column) in [("symbol_index", columns.symbol_index), ("condition_index", columns.condition_index)] {
            if !column.is_empty() {
                length(name, column, count)?;
            }
        }
        f.check("source", self.source, |s| !s.is_empty(), "a text that is not empty")?;
        Ok(TradeBatchReader {
            header: BatchHeader {
                source: self.source,
                tape,
                scheme,
                epoch: number(field::EPOCH),
                batch_no: f.ordinal("batch_no", number(field::BATCH_NO))?,
                partition: small("partition", field::PARTITION)?,
                watermark: UnixNanos::new(number(field::WATERMARK) as i64),
                ts_recv: UnixNanos::new(number(field::TS_RECV) as i64),
            },
            count,
            price_unit: unit("price_exponent", field::PRICE_EXPONENT)?,
            ts_unit: unit("ts_exponent", field::TS_EXPONENT)?,
            columns: self.columns,
            symbols: self.symbols,
            condition_sets: self.condition_sets,
        })
    }
}

fn malformed(reason: impl Into<String>) -> DecodeError {
    DecodeError::Malformed { message: NAME, reason: reason.into() }
}

/// Fields of a later version are skipped; one that this version has came with the wrong wire type.
fn refuse_known(field: u32) -> Result<(), DecodeError> {
    if field <= field::CONDITION_INDEX {
        return Err(malformed(format!("field {field} has another field's wire type")));
    }
    Ok(())
}

fn text<'a>(name: &str, bytes: &'a [u8]) -> Result<&'a str, DecodeError> {
    std::str::from_utf8(bytes).map_err(|_| DecodeError::field(NAME, name, bytes, "UTF-8"))
}

fn column<'a>(name: &str, place: &mut &'a [u8], bytes: &'a [u8]) -> Result<(), DecodeError> {
    if !place.is_empty() {
        return Err(malformed(format!("{name} comes in two pieces")));
    }
    *place = bytes;
    Ok(())
}

fn length(name: &str, column: &[u8], count: u32) -> Result<(), DecodeError> {
    let values = varint::count(column).ok_or_else(|| malformed(format!("{name} ends within a number")))?;
    if values != count as usize {
        return Err(DecodeError::field(NAME, name, format_args!("{values} values"), "as many values as `count` says"));
    }
    Ok(())
}
