//! Rows of the views.

use domain::{Micro, SessionDate, Usd};
use store::{Value, query, tables, write_numbered};

use super::Batch;
use crate::view::{Row, View};

impl Batch<'_> {
    /// Puts a row in its place; it is written before anything of its table is read, at the latest with the batch's end.
    pub fn put(&mut self, row: Row) {
        self.rows.insert((row.view, row.id.clone()), row);
    }

    /// Writes the rows that wait. One that stands so already is left as it is, with its `store_seq`.
    pub(super) async fn flush_rows(&mut self) -> Result<(), sqlx::Error> {
        let rows: Vec<Row> = std::mem::take(&mut self.rows).into_values().collect();
        for of_one_table in rows.chunk_by(|a, b| a.view == b.view) {
            let Some(table) = of_one_table.first().and_then(|row| tables::table(name(row.view))) else { continue };
            let values = of_one_table.iter().zip(self.store_seq + 1..).map(|(row, seq)| values(row, seq)).collect();
            let conflict = format!(
                "ON CONFLICT (id) DO UPDATE SET day = excluded.day, at = excluded.at, symbol = excluded.symbol,
                 plan_id = excluded.plan_id, live = excluded.live, doc = excluded.doc, store_seq = excluded.store_seq
                 WHERE excluded.doc <> {table}.doc OR excluded.live <> {table}.live",
                table = table.name
            );
            let written = write_numbered(&mut self.tx, table, values, &conflict).await?;
            self.advance(&written);
        }
        Ok(())
    }

    /// Plans that hold shares.
    pub async fn held_plans(&mut self) -> Result<Vec<String>, sqlx::Error> {
        let rows = query("SELECT id FROM positions WHERE live").fetch_all(&mut self.tx).await?;
        Ok(rows.iter().map(|r| r.get(0)).collect())
    }

    /// Fees of a session's fills, USD.
    pub async fn day_fees(&mut self, day: SessionDate) -> Result<Usd, sqlx::Error> {
        self.flush_rows().await?;
        let rows = query("SELECT doc FROM fills WHERE day = $1").bind(day.to_string()).fetch_all(&mut self.tx).await?;
        let fees = rows
            .iter()
            .filter_map(|r| serde_json::from_str::<serde_json::Value>(r.get(0)).ok())
            .filter_map(|fill| fill["fees"].as_str()?.parse::<Usd>().ok());
        Ok(fees.fold(Usd::ZERO, |sum, fee| Usd::from_nanos(sum.nanos().saturating_add(fee.nanos()))))
    }

    /// Sum of the plans' results of a session in units of what each risked; `None` when no plan has a result.
    pub async fn day_r(&mut self, day: SessionDate) -> Result<Option<Micro>, sqlx::Error> {
        self.flush_rows().await?;
        let rows = query("SELECT doc FROM plans WHERE day = $1").bind(day.to_string()).fetch_all(&mut self.tx).await?;
        Ok(rows
            .iter()
            .filter_map(|r| serde_json::from_str::<serde_json::Value>(r.get(0)).ok())
            .filter_map(|plan| plan["r_multiple"].as_str()?.parse::<Micro>().ok())
            .reduce(|a, b| Micro::from_micros(a.micros().saturating_add(b.micros()))))
    }
}

fn values(row: &Row, store_seq: i64) -> Vec<Value<'_>> {
    vec![
        row.id.as_str().into(),
        row.day.to_string().into(),
        Value::Int(row.at.nanos()),
        row.symbol.as_ref().map(domain::Symbol::as_str).into(),
        row.plan_id.as_deref().into(),
        row.live.into(),
        row.doc.as_str().into(),
        Value::Int(store_seq),
    ]
}

/// The table of a view.
const fn name(view: View) -> &'static str {
    match view {
        View::Candidates => "candidates",
        View::Signals => "signals",
        View::Rounds => "rounds",
        View::Plans => "plans",
        View::Decisions => "decisions",
        View::Orders => "orders",
        View::Fills => "fills",
        View::Positions => "positions",
        View::Account => "account",
        View::News => "news",
        View::Reference => "reference",
        View::FeedGaps => "feed_gaps",
        View::Errors => "errors",
        View::Readiness => "readiness",
        View::TradingState => "trading_state",
        View::Audit => "audit",
    }
}
