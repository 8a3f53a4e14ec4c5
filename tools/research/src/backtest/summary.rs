//! What a run was of, and what it came to, in short.

use domain::SessionDate;
use serde::Serialize;

use super::comparison::Comparison;
use super::outcome::Statistics;

/// What was read.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Input {
    /// Prints, those of earlier sessions included.
    pub prints: u64,
    /// Sessions before the first that gave history only.
    pub warm_up_sessions: usize,
    /// True when trades were made from minute bars.
    pub made_trades: bool,
    /// Rows that made no sense.
    pub refused_rows: u64,
    /// The first of them, with their place.
    pub refused: Vec<String>,
    /// How often a person would have been called.
    pub alerts: u64,
}

/// A run in short.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Summary {
    /// The strategy's name.
    pub strategy: String,
    /// Hash of its numbers.
    pub strategy_version: String,
    /// First session asked for.
    pub from: SessionDate,
    /// Last session asked for.
    pub to: SessionDate,
    /// How fills were simulated, as given on the command line.
    pub settings: serde_json::Value,
    /// What was read.
    pub input: Input,
    /// Over the canonical decision log.
    pub decisions_sha256: String,
    /// Of both scores, where the strategy names a learned one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
}

impl Summary {
    /// The head of the JSON document: what is known before the run.
    pub(super) fn head(&self) -> serde_json::Value {
        serde_json::json!({
            "strategy": self.strategy,
            "strategy_version": self.strategy_version,
            "from": self.from,
            "to": self.to,
            "settings": self.settings,
        })
    }

    /// `summary.json`.
    pub(super) fn with(&self, statistics: &Statistics) -> anyhow::Result<serde_json::Value> {
        let mut whole = serde_json::to_value(self)?;
        whole["statistics"] = serde_json::to_value(statistics)?;
        Ok(whole)
    }

    /// A few lines for a terminal.
    pub(super) fn lines(&self, statistics: &Statistics) -> String {
        let (returns, trades) = (&statistics.returns, &statistics.trades);
        let shown = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.2}"));
        let percent = |value: f64| format!("{:.2} %", value * 100.0);
        let compared = self.comparison.as_ref().map(|comparison| format!("learned score     {comparison}"));
        let lines = [
            format!("strategy          {} {}", self.strategy, self.strategy_version),
            format!("sessions          {} from {} to {}", returns.sessions, self.from, self.to),
            format!(
                "trades on tape    {}{}",
                self.input.prints,
                if self.input.made_trades { ", some made from minute bars" } else { "" }
            ),
            format!("refused rows      {}", self.input.refused_rows),
            format!("trades            {}, {} won", trades.trades, trades.wins),
            format!(
                "net P&L           {:.2} USD after {:.2} USD of fees",
                trades.net_pnl.to_f64(),
                trades.fees.to_f64()
            ),
            format!(
                "return            {}, a year {}",
                percent(returns.total_return),
                returns.cagr.map_or_else(|| "-".to_owned(), percent)
            ),
            format!("max drawdown      {}", percent(returns.max_drawdown)),
            format!("Sharpe, Sortino   {}, {}", shown(returns.sharpe), shown(returns.sortino)),
            format!(
                "expectancy        {} R, profit factor {}",
                shown(trades.expectancy_r),
                shown(trades.profit_factor)
            ),
            format!("decisions sha256  {}", self.decisions_sha256),
        ];
        lines.into_iter().chain(compared).collect::<Vec<_>>().join("\n")
    }
}
