//! One page that explains a run.

use statistics::Group;

use super::comparison::{Choice, Comparison};
use super::outcome::{Outcome, Statistics};
use super::rows::{Cell, Row};
use super::summary::Summary;
use crate::page::{self, Kind, escape, histogram, line, shown, tile};

/// Trades and sessions listed on the page; the files hold all.
const LISTED: usize = 500;

/// The page.
pub(super) fn page(outcome: &Outcome, statistics: &Statistics, summary: &Summary) -> String {
    let title = format!("{} {} to {}", summary.strategy, summary.from, summary.to);
    let sections = [
        notes(summary),
        format!("<section class=numbers>{}</section>", numbers(statistics)),
        format!("<h2>Curves</h2><section class=charts>{}</section>", curves(outcome, statistics)),
        format!("<h2>Where it comes from</h2><section class=charts>{}</section>", groups(statistics)),
        summary.comparison.as_ref().map_or_else(String::new, scores),
        format!("<h2>Trades</h2>{}", listing(&outcome.trades)),
        format!("<h2>Sessions</h2>{}", listing(&outcome.days)),
        format!(
            "<h2>Run</h2><p>Strategy version <code>{}</code>. Decisions <code>{}</code>.</p><p>Settings <code>{}</code></p>",
            escape(&summary.strategy_version),
            escape(&summary.decisions_sha256),
            escape(&summary.settings.to_string())
        ),
    ];
    page::document("Backtest", &title, &sections.concat())
}

fn notes(summary: &Summary) -> String {
    let mut notes: Vec<String> = Vec::new();
    if summary.input.made_trades {
        notes.push("Trades were made from minute bars: a seeded path through open, high, low and close. Fills inside a minute are guesses.".to_owned());
    }
    if summary.input.refused_rows > 0 {
        let first = summary.input.refused.first().map_or("", String::as_str);
        notes.push(format!("{} rows were refused, the first: {first}", summary.input.refused_rows));
    }
    notes.iter().map(|note| format!("<p class=note>{}</p>", escape(note))).collect::<Vec<_>>().concat()
}

fn numbers(statistics: &Statistics) -> String {
    let (returns, trades) = (&statistics.returns, &statistics.trades);
    let percent = |value: f64| format!("{:.2} %", value * 100.0);
    let plain = |value: f64| format!("{value:.2}");
    [
        tile("Net P&L, USD", &plain(trades.net_pnl.to_f64())),
        tile("Fees, USD", &plain(trades.fees.to_f64())),
        tile("Return", &percent(returns.total_return)),
        tile("A year", &shown(returns.cagr, percent)),
        tile("Volatility", &shown(returns.annual_volatility, percent)),
        tile("Sharpe", &shown(returns.sharpe, plain)),
        tile("Sortino", &shown(returns.sortino, plain)),
        tile("Calmar", &shown(returns.calmar, plain)),
        tile("Max drawdown", &percent(returns.max_drawdown)),
        tile("Sessions", &returns.sessions),
        tile("Trades", &trades.trades),
        tile("Won", &shown(trades.win_rate, percent)),
        tile("Profit factor", &shown(trades.profit_factor, plain)),
        tile("Expectancy, R", &shown(trades.expectancy_r, plain)),
        tile("Slippage, R", &shown(trades.slippage_r, plain)),
        tile("Time in market", &percent(statistics.exposure_time)),
    ]
    .concat()
}

fn curves(outcome: &Outcome, statistics: &Statistics) -> String {
    let rows = outcome.equity();
    let labels: Vec<String> = rows.iter().map(|row| row.session_date.to_string()).collect();
    let equity: Vec<f64> = rows.iter().map(|row| row.equity.to_f64()).collect();
    let drawdown: Vec<f64> = rows.iter().map(|row| row.drawdown * 100.0).collect();
    [
        line("Equity, USD", &labels, &equity, false, |value| format!("{value:.0}")),
        line("Drawdown, per cent", &labels, &drawdown, true, |value| format!("{value:.1}")),
        histogram(&statistics.trades.histogram),
    ]
    .concat()
}

fn groups(statistics: &Statistics) -> String {
    let by_kind = |title: &str, groups: &[Group]| {
        page::by_kind(
            title,
            groups.iter().map(|group| Kind {
                key: &group.key,
                trades: group.trades,
                pnl: group.pnl.to_f64(),
                expectancy_r: group.expectancy_r,
            }),
        )
    };
    let trades = &statistics.trades;
    [
        by_kind("P&L by size of the gap, USD", &trades.by_gap),
        by_kind("P&L by hour of entry, USD", &trades.by_hour),
        by_kind("P&L by catalyst, USD", &trades.by_catalyst),
        by_kind("P&L by symbol, USD", &trades.by_symbol),
    ]
    .concat()
}

fn scores(comparison: &Comparison) -> String {
    let three = |value: Option<f64>| shown(value, |v| format!("{v:.3}"));
    let row = |name: &str, choice: &Choice| {
        let (mean, correlation) = (three(choice.mean_r), three(choice.rank_correlation));
        format!("<tr><td class=text>{name}</td><td>{}</td><td>{mean}</td><td>{correlation}</td></tr>", choice.chosen)
    };
    let heads =
        ["Score", "Chosen", "Mean R", "Rank correlation with R"].map(|head| format!("<th>{head}</th>")).concat();
    format!(
        "<h2>Learned score, out of sample</h2><p class=note>The learned score {}.</p><p>Version {} <code>{}</code>, trained \
         to {}; {} sessions after it with {} candidates, each traded in an account of its own; the best {} of a \
         session are chosen, and {} sessions differ.</p><div class=table><table><thead><tr>{heads}</tr></thead><tbody>{}{}</tbody></table></div>",
        escape(&comparison.to_string()),
        escape(&comparison.model.version),
        escape(&comparison.model.hash),
        comparison.trained_to,
        comparison.sessions,
        comparison.candidates,
        comparison.top,
        comparison.sessions_that_differ,
        row("weighted", &comparison.weighted),
        row("learned", &comparison.learned)
    )
}

fn listing<R: Row>(rows: &[R]) -> String {
    let head = R::COLUMNS.iter().map(|name| format!("<th>{}</th>", escape(name))).collect::<Vec<_>>().concat();
    let cell = |cell: Cell| match cell {
        Cell::Text(text) => format!("<td class=text>{}</td>", escape(&text)),
        other => format!("<td>{}</td>", escape(&other.csv())),
    };
    let row = |row: &R| format!("<tr>{}</tr>", row.cells().into_iter().map(cell).collect::<String>());
    let body: String = rows.iter().rev().take(LISTED).map(row).collect();
    let more = rows.len().saturating_sub(LISTED);
    let rest = if more > 0 { format!("<p>{more} more in the CSV file.</p>") } else { String::new() };
    format!("<div class=table><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{rest}")
}
