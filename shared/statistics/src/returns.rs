//! Statistics of daily returns, defined as in `empyrical`.

use domain::{SessionDate, Usd};
use serde::Serialize;

/// What an account came to on one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionResult {
    /// New York session.
    pub session_date: SessionDate,
    /// Equity before it, above zero.
    pub start_equity: Usd,
    /// Equity after it, net of its fees. The next session may start with another: money comes and goes between them.
    pub end_equity: Usd,
}

impl SessionResult {
    /// Profit or loss.
    pub const fn pnl(&self) -> Usd {
        Usd::from_nanos(self.end_equity.nanos().saturating_sub(self.start_equity.nanos()))
    }

    /// As a fraction of the equity before.
    pub fn simple_return(&self) -> f64 {
        self.end_equity.to_f64() / self.start_equity.to_f64() - 1.0
    }
}

/// Sessions in a year.
pub const SESSIONS_PER_YEAR: f64 = 252.0;

/// What a series of simple daily returns amounts to; `None` where a number is not defined.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Returns {
    /// Sessions.
    pub sessions: usize,
    /// Compounded, as a fraction.
    pub total_return: f64,
    /// Compounded annual growth, as a fraction; `None` when more than everything was lost.
    pub cagr: Option<f64>,
    /// Standard deviation of a sample, times the root of 252.
    pub annual_volatility: Option<f64>,
    /// Mean over standard deviation of a sample, times the root of 252; no risk-free rate.
    pub sharpe: Option<f64>,
    /// Mean over the root of the mean squared loss, annualised; no minimum return.
    pub sortino: Option<f64>,
    /// Compounded annual growth over the largest drawdown.
    pub calmar: Option<f64>,
    /// The deepest fall from a peak, as a negative fraction.
    pub max_drawdown: f64,
}

impl Returns {
    /// Of `returns`, one a session, as fractions of the equity before.
    pub fn of(returns: &[f64]) -> Self {
        let n = returns.len() as f64;
        let total_return = returns.iter().fold(1.0, |equity, r| equity * (1.0 + r)) - 1.0;
        let mean = returns.iter().sum::<f64>() / n;
        let variance = returns.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let deviation = (returns.len() > 1).then(|| variance.sqrt());
        let downside = (returns.iter().map(|r| r.min(0.0).powi(2)).sum::<f64>() / n).sqrt();
        let root = SESSIONS_PER_YEAR.sqrt();
        let growth = || (1.0 + total_return).powf(SESSIONS_PER_YEAR / n) - 1.0;
        let cagr = (!returns.is_empty() && total_return >= -1.0).then(growth).filter(|growth| growth.is_finite());
        let max_drawdown = drawdowns(returns).into_iter().fold(0.0, f64::min);
        Self {
            sessions: returns.len(),
            total_return,
            cagr,
            annual_volatility: deviation.map(|d| d * root),
            sharpe: deviation.filter(|d| *d > 0.0).map(|d| mean / d * root),
            sortino: (downside > 0.0).then(|| mean * SESSIONS_PER_YEAR / (downside * root)),
            calmar: cagr.filter(|_| max_drawdown < 0.0).map(|growth| growth / max_drawdown.abs()),
            max_drawdown,
        }
    }
}

/// How far equity is below its highest so far after each return, as a fraction, never positive.
pub fn drawdowns(returns: &[f64]) -> Vec<f64> {
    let (mut equity, mut peak) = (1.0_f64, 1.0_f64);
    let fall = |r: &f64| {
        equity *= 1.0 + r;
        peak = peak.max(equity);
        equity / peak - 1.0
    };
    returns.iter().map(fall).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hand_computed_series() {
        let s = Returns::of(&[0.10, -0.05, 0.0, 0.02]);
        let close = |have: Option<f64>, want: f64| assert!((have.unwrap() - want).abs() < 1e-9, "{have:?} {want}");
        close(Some(s.total_return), 1.1 * 0.95 * 1.02 - 1.0);
        close(Some(s.max_drawdown), -0.05);
        let deviation =
            ((0.0825_f64.powi(2) + 0.0675_f64.powi(2) + 0.0175_f64.powi(2) + 0.0025_f64.powi(2)) / 3.0).sqrt();
        close(s.annual_volatility, deviation * 252_f64.sqrt());
        close(s.sharpe, 0.0175 / deviation * 252_f64.sqrt());
        close(s.sortino, 0.0175 * 252.0 / (0.025 * 252_f64.sqrt()));
    }

    #[test]
    fn a_session_is_held_against_its_own_start() {
        let (start_equity, end_equity) = (Usd::from_cents(10_000_000), Usd::from_cents(9_998_900));
        let session = SessionResult { session_date: "2026-11-24".parse().unwrap(), start_equity, end_equity };
        assert_eq!(session.pnl(), Usd::from_cents(-1_100));
        assert!((session.simple_return() + 0.00011).abs() < 1e-12);
    }

    #[test]
    fn what_is_not_defined_is_not_a_number() {
        let none = Returns::of(&[]);
        assert_eq!((none.cagr, none.sharpe, none.max_drawdown), (None, None, 0.0));
        let flat = Returns::of(&[0.0, 0.0]);
        assert_eq!((flat.sharpe, flat.sortino, flat.calmar, flat.cagr), (None, None, None, Some(0.0)));
        let one = Returns::of(&[0.01]);
        assert_eq!((one.sharpe, one.annual_volatility, one.sortino, one.calmar), (None, None, None, None));
        assert_eq!(Returns::of(&[-1.5]).cagr, None);
    }
}
