//! The report in a few lines for a terminal.

use std::fmt::{Display, Write};

use coordinator_api::analytics::{Analytics, Basis};
use domain::Micro;

/// The lines, each ended.
pub(super) fn lines(of: &Analytics) -> String {
    let (returns, trades) = (&of.returns, &of.trades);
    let mut text = String::new();
    let mut line = |name: &str, value: &dyn Display| {
        // A `String` takes everything.
        let _ = writeln!(text, "{name:<18}{value}");
    };
    line("sessions", &format_args!("{} from {} to {}", returns.sessions, of.from, of.to));
    for note in notes(of) {
        line("", &note);
    }
    line("trades", &format_args!("{}, {} won", trades.count, trades.wins));
    line("net P&L", &format_args!("{} USD after {} USD of fees", trades.net_pnl, trades.fees));
    let basis = if of.basis == Basis::Account { "" } else { ", of these trades alone" };
    line("return", &format_args!("{}, a year {}{basis}", percent(returns.total_return_pct), percent(returns.cagr_pct)));
    line("max drawdown", &percent(returns.max_drawdown_pct));
    line(
        "Sharpe, Sortino",
        &format_args!("{}, {}, Calmar {}", two(returns.sharpe), two(returns.sortino), two(returns.calmar)),
    );
    line("expectancy", &format_args!("{} R, profit factor {}", two(trades.expectancy_r), two(trades.profit_factor)));
    line("slippage", &format_args!("{} R a trade, {} USD in all", two(trades.slippage.mean_r), trades.slippage.total));
    text
}

/// What a reader of the numbers must know.
pub(super) fn notes(of: &Analytics) -> Vec<String> {
    /// Annualised ratios of fewer sessions are noise.
    const SESSIONS_MIN: usize = 20;
    let mut notes = Vec::new();
    if of.running {
        notes.push("The last session is not over: its numbers may change.".to_owned());
    }
    if of.open_trades > 0 {
        let (noun, hold) = if of.open_trades == 1 { ("trade", "holds") } else { ("trades", "hold") };
        notes.push(format!("{} {noun} still {hold} shares and are not counted.", of.open_trades));
    }
    if !of.missing_sessions.is_empty() {
        let first = of.missing_sessions.first().map(ToString::to_string).unwrap_or_default();
        notes.push(format!("No result is recorded of {}, the first {first}.", sessions(of.missing_sessions.len())));
    }
    if (1..SESSIONS_MIN).contains(&of.returns.sessions) {
        notes.push(format!("Yearly ratios of {} say little.", sessions(of.returns.sessions)));
    }
    notes
}

fn sessions(count: usize) -> String {
    if count == 1 { "1 session".to_owned() } else { format!("{count} sessions") }
}

/// Two decimals, or a dash where it is not defined.
pub(super) fn two(value: Option<Micro>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{:.2}", value.to_f64()))
}

/// Per cent with two decimals.
pub(super) fn percent(value: Option<Micro>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{:.2} %", value.to_f64()))
}
