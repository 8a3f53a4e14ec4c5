//! Minute bars, watermarks and the account's curve.

use domain::execution::AccountObserved;
use domain::market::{MinuteBar, TradeBatch};
use domain::{Price, SessionDate, Symbol, UnixNanos, Usd};
use store::{Value, query};

use super::Batch;

/// The last batch of a partition that is in the bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredWatermark {
    /// The gateway's ownership epoch.
    pub epoch: u64,
    /// The batch's number in that epoch.
    pub batch_no: u64,
}

macro_rules! bar_columns {
    () => {
        "SELECT start, open, high, low, close, volume, open_at, close_at FROM bars"
    };
}

/// A watermark as it is written.
pub(super) struct Mark {
    stored: StoredWatermark,
    watermark: UnixNanos,
    ts_recv: UnixNanos,
}

impl Mark {
    pub(super) fn row(&self, source: String, partition: u32) -> Vec<Value<'static>> {
        vec![
            source.into(),
            Value::Int(partition.into()),
            Value::Int(self.stored.epoch as i64),
            Value::Int(self.stored.batch_no as i64),
            Value::Int(self.watermark.nanos()),
            Value::Int(self.ts_recv.nanos()),
        ]
    }
}

/// A point of the account's curve as it is written.
pub(super) struct Point {
    account: String,
    minute: i64,
    day: SessionDate,
    at: UnixNanos,
    equity: Usd,
}

impl Point {
    pub(super) fn row(self) -> Vec<Value<'static>> {
        vec![
            self.account.into(),
            Value::Int(self.minute),
            self.day.to_string().into(),
            Value::Int(self.at.nanos()),
            Value::Int(self.equity.nanos()),
        ]
    }
}

impl Batch<'_> {
    /// The last batch of this source and partition that is in the bars.
    pub async fn watermark(&mut self, source: &str, partition: u32) -> Result<Option<StoredWatermark>, sqlx::Error> {
        if let Some(mark) = self.watermarks.get(&(source.to_owned(), partition)) {
            return Ok(Some(mark.stored));
        }
        let row = query("SELECT epoch, batch_no FROM watermarks WHERE source = $1 AND partition_no = $2")
            .bind(source)
            .bind(i64::from(partition))
            .fetch_optional(&mut self.tx)
            .await?;
        Ok(row.map(|r| StoredWatermark { epoch: r.get::<i64>(0) as u64, batch_no: r.get::<i64>(1) as u64 }))
    }

    /// Says that `batch` is in the bars; it is written with the transaction's end.
    pub fn put_watermark(&mut self, batch: &TradeBatch) {
        let stored = StoredWatermark { epoch: batch.epoch, batch_no: batch.batch_no };
        let mark = Mark { stored, watermark: batch.watermark, ts_recv: batch.ts_recv };
        self.watermarks.insert((batch.source.clone(), batch.partition), mark);
    }

    /// A symbol's bar of one minute.
    pub async fn bar(&mut self, symbol: &Symbol, start: UnixNanos) -> Result<Option<MinuteBar>, sqlx::Error> {
        let row = query(concat!(bar_columns!(), " WHERE symbol = $1 AND start = $2"))
            .bind(symbol.as_str())
            .bind(start.nanos())
            .fetch_optional(&mut self.tx)
            .await?;
        Ok(row.as_ref().map(bar))
    }

    /// A symbol's newest bar.
    pub async fn newest_bar(&mut self, symbol: &Symbol) -> Result<Option<MinuteBar>, sqlx::Error> {
        let row = query(concat!(bar_columns!(), " WHERE symbol = $1 ORDER BY start DESC LIMIT 1"))
            .bind(symbol.as_str())
            .fetch_optional(&mut self.tx)
            .await?;
        Ok(row.as_ref().map(bar))
    }

    /// Puts a bar in its place; it is written with the batch's end.
    pub fn put_bar(&mut self, symbol: &Symbol, bar: &MinuteBar) {
        self.store_seq += 1;
        self.bars.push(vec![
            symbol.to_string().into(),
            Value::Int(bar.start.nanos()),
            domain::calendar::session_at(bar.start).date.to_string().into(),
            Value::Int(bar.open.nanos()),
            Value::Int(bar.high.nanos()),
            Value::Int(bar.low.nanos()),
            Value::Int(bar.close.nanos()),
            Value::Int(bar.volume as i64),
            Value::Int(bar.open_at.nanos()),
            Value::Int(bar.close_at.nanos()),
            Value::Int(self.store_seq),
        ]);
    }

    /// Adds a point to the account's curve, written with the transaction's end; the last one of a minute stays.
    pub fn put_equity(&mut self, observed: &AccountObserved) {
        let minute = MinuteBar::start_of(observed.ts_event).nanos();
        let key = (observed.account.clone(), minute);
        if self.curve.get(&key).is_some_and(|known| known.at > observed.ts_event) {
            return;
        }
        let point = Point {
            account: observed.account.clone(),
            minute,
            day: observed.session_date,
            at: observed.ts_event,
            equity: observed.equity,
        };
        self.curve.insert(key, point);
    }
}

fn bar(row: &store::Row) -> MinuteBar {
    MinuteBar {
        start: UnixNanos::new(row.get(0)),
        open: Price::from_nanos(row.get(1)),
        high: Price::from_nanos(row.get(2)),
        low: Price::from_nanos(row.get(3)),
        close: Price::from_nanos(row.get(4)),
        volume: row.get::<i64>(5) as u64,
        open_at: UnixNanos::new(row.get(6)),
        close_at: UnixNanos::new(row.get(7)),
    }
}
