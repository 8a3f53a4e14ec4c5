//! The field numbers of `trade_batch.proto`; a test holds the writer against the generated message.

pub(super) const SOURCE: u32 = 1;
pub(super) const TAPE: u32 = 2;
pub(super) const SCHEME: u32 = 3;
pub(super) const EPOCH: u32 = 4;
pub(super) const BATCH_NO: u32 = 5;
pub(super) const PARTITION: u32 = 6;
pub(super) const WATERMARK: u32 = 7;
pub(super) const TS_RECV: u32 = 8;
pub(super) const COUNT: u32 = 9;
pub(super) const PRICE_EXPONENT: u32 = 10;
pub(super) const TS_EXPONENT: u32 = 11;
pub(super) const SYMBOLS: u32 = 12;
pub(super) const CONDITION_SETS: u32 = 13;
pub(super) const SYMBOL_INDEX: u32 = 14;
pub(super) const PRICE_DELTA: u32 = 15;
pub(super) const TS_DELTA: u32 = 16;
pub(super) const SIZE: u32 = 17;
pub(super) const CONDITION_INDEX: u32 = 18;

pub(super) const VARINT: u32 = 0;
pub(super) const FIXED64: u32 = 1;
pub(super) const LENGTH_DELIMITED: u32 = 2;
pub(super) const FIXED32: u32 = 5;

/// What stands before a field's value.
pub(super) const fn key(field: u32, wire_type: u32) -> u64 {
    (field << 3 | wire_type) as u64
}
