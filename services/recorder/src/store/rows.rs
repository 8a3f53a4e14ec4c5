//! Rows of the views.

use domain::{Micro, SessionDate, Usd};
use sqlx::Row as _;

use super::Batch;
use crate::view::{Row, View};

impl Batch<'_> {
    /// Puts a row in its place; false when it stands so already, and then no `store_seq` is used.
    pub async fn put(&mut self, row: &Row) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(put_sql(row.view))
            .bind(&row.id)
            .bind(row.day.to_string())
            .bind(row.at.nanos())
            .bind(row.symbol.as_ref().map(domain::Symbol::as_str))
            .bind(row.plan_id.as_deref())
            .bind(row.live)
            .bind(&row.doc)
            .bind(self.store_seq + 1)
            .execute(&mut *self.tx)
            .await?;
        let changed = done.rows_affected() > 0;
        self.store_seq += i64::from(changed);
        Ok(changed)
    }

    /// Plans that hold shares.
    pub async fn held_plans(&mut self) -> Result<Vec<String>, sqlx::Error> {
        let rows = sqlx::query("SELECT id FROM positions WHERE live").fetch_all(&mut *self.tx).await?;
        Ok(rows.iter().map(|r| r.get(0)).collect())
    }

    /// Fees of a session's fills, USD.
    pub async fn day_fees(&mut self, day: SessionDate) -> Result<Usd, sqlx::Error> {
        let rows =
            sqlx::query("SELECT doc FROM fills WHERE day = $1").bind(day.to_string()).fetch_all(&mut *self.tx).await?;
        let fees = rows
            .iter()
            .filter_map(|r| serde_json::from_str::<serde_json::Value>(r.get(0)).ok())
            .filter_map(|fill| fill["fees"].as_str()?.parse::<Usd>().ok());
        Ok(fees.fold(Usd::ZERO, |sum, fee| Usd::from_nanos(sum.nanos().saturating_add(fee.nanos()))))
    }

    /// Sum of the plans' results of a session in units of what each risked; `None` when no plan has a result.
    pub async fn day_r(&mut self, day: SessionDate) -> Result<Option<Micro>, sqlx::Error> {
        let rows =
            sqlx::query("SELECT doc FROM plans WHERE day = $1").bind(day.to_string()).fetch_all(&mut *self.tx).await?;
        Ok(rows
            .iter()
            .filter_map(|r| serde_json::from_str::<serde_json::Value>(r.get(0)).ok())
            .filter_map(|plan| plan["r_multiple"].as_str()?.parse::<Micro>().ok())
            .reduce(|a, b| Micro::from_micros(a.micros().saturating_add(b.micros()))))
    }
}

macro_rules! put {
    ($table:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " (id, day, at, symbol, plan_id, live, doc, store_seq) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (id) DO UPDATE SET day = excluded.day, at = excluded.at, symbol = excluded.symbol,
             plan_id = excluded.plan_id, live = excluded.live, doc = excluded.doc, store_seq = excluded.store_seq
             WHERE excluded.doc <> ",
            $table,
            ".doc OR excluded.live <> ",
            $table,
            ".live"
        )
    };
}

const fn put_sql(view: View) -> &'static str {
    match view {
        View::Candidates => put!("candidates"),
        View::Signals => put!("signals"),
        View::Rounds => put!("rounds"),
        View::Plans => put!("plans"),
        View::Decisions => put!("decisions"),
        View::Orders => put!("orders"),
        View::Fills => put!("fills"),
        View::Positions => put!("positions"),
        View::Account => put!("account"),
        View::News => put!("news"),
        View::Reference => put!("reference"),
        View::FeedGaps => put!("feed_gaps"),
        View::Errors => put!("errors"),
        View::Readiness => put!("readiness"),
        View::TradingState => put!("trading_state"),
        View::Audit => put!("audit"),
    }
}
