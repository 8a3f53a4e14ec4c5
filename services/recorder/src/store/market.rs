//! Minute bars, watermarks and the account's curve.

use domain::execution::AccountObserved;
use domain::market::{MinuteBar, TradeBatch};
use domain::{Price, Symbol, UnixNanos};
use sqlx::Row as _;

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

impl Batch<'_> {
    /// The last batch of this source and partition that is in the bars.
    pub async fn watermark(&mut self, source: &str, partition: u32) -> Result<Option<StoredWatermark>, sqlx::Error> {
        let row = sqlx::query("SELECT epoch, batch_no FROM watermarks WHERE source = $1 AND partition_no = $2")
            .bind(source)
            .bind(i64::from(partition))
            .fetch_optional(&mut *self.tx)
            .await?;
        Ok(row.map(|r| StoredWatermark { epoch: r.get::<i64, _>(0) as u64, batch_no: r.get::<i64, _>(1) as u64 }))
    }

    /// Says that `batch` is in the bars.
    pub async fn put_watermark(&mut self, batch: &TradeBatch) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO watermarks (source, partition_no, epoch, batch_no, watermark, ts_recv)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (source, partition_no) DO UPDATE SET epoch = excluded.epoch, batch_no = excluded.batch_no,
             watermark = excluded.watermark, ts_recv = excluded.ts_recv",
        )
        .bind(&batch.source)
        .bind(i64::from(batch.partition))
        .bind(batch.epoch as i64)
        .bind(batch.batch_no as i64)
        .bind(batch.watermark.nanos())
        .bind(batch.ts_recv.nanos())
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// A symbol's bar of one minute.
    pub async fn bar(&mut self, symbol: &Symbol, start: UnixNanos) -> Result<Option<MinuteBar>, sqlx::Error> {
        let row = sqlx::query(concat!(bar_columns!(), " WHERE symbol = $1 AND start = $2"))
            .bind(symbol.as_str())
            .bind(start.nanos())
            .fetch_optional(&mut *self.tx)
            .await?;
        Ok(row.as_ref().map(bar))
    }

    /// A symbol's newest bar.
    pub async fn newest_bar(&mut self, symbol: &Symbol) -> Result<Option<MinuteBar>, sqlx::Error> {
        let row = sqlx::query(concat!(bar_columns!(), " WHERE symbol = $1 ORDER BY start DESC LIMIT 1"))
            .bind(symbol.as_str())
            .fetch_optional(&mut *self.tx)
            .await?;
        Ok(row.as_ref().map(bar))
    }

    /// Puts a bar in its place.
    pub async fn put_bar(&mut self, symbol: &Symbol, bar: &MinuteBar) -> Result<(), sqlx::Error> {
        self.store_seq += 1;
        sqlx::query(
            "INSERT INTO bars (symbol, start, day, open, high, low, close, volume, open_at, close_at, store_seq)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             ON CONFLICT (symbol, start) DO UPDATE SET open = excluded.open, high = excluded.high, low = excluded.low,
             close = excluded.close, volume = excluded.volume, open_at = excluded.open_at,
             close_at = excluded.close_at, store_seq = excluded.store_seq",
        )
        .bind(symbol.as_str())
        .bind(bar.start.nanos())
        .bind(domain::calendar::session_at(bar.start).date.to_string())
        .bind(bar.open.nanos())
        .bind(bar.high.nanos())
        .bind(bar.low.nanos())
        .bind(bar.close.nanos())
        .bind(bar.volume as i64)
        .bind(bar.open_at.nanos())
        .bind(bar.close_at.nanos())
        .bind(self.store_seq)
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Adds a point to the account's curve; the last one of a minute stays.
    pub async fn put_equity(&mut self, observed: &AccountObserved) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO account_curve (account, minute, day, at, equity) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (account, minute) DO UPDATE SET at = excluded.at, equity = excluded.equity
             WHERE excluded.at >= account_curve.at",
        )
        .bind(&observed.account)
        .bind(MinuteBar::start_of(observed.ts_event).nanos())
        .bind(observed.session_date.to_string())
        .bind(observed.ts_event.nanos())
        .bind(observed.equity.nanos())
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }
}

fn bar(row: &sqlx::sqlite::SqliteRow) -> MinuteBar {
    MinuteBar {
        start: UnixNanos::new(row.get(0)),
        open: Price::from_nanos(row.get(1)),
        high: Price::from_nanos(row.get(2)),
        low: Price::from_nanos(row.get(3)),
        close: Price::from_nanos(row.get(4)),
        volume: row.get::<i64, _>(5) as u64,
        open_at: UnixNanos::new(row.get(6)),
        close_at: UnixNanos::new(row.get(7)),
    }
}
