//! The tear sheet: one page with everything in it.

use coordinator_api::analytics::{Analytics, Basis, Group, Slippage, Trade};
use domain::{Micro, Usd};
use research::page::{self, Bin, Kind, escape, histogram, line, tile};

use super::Report;
use super::summary::{notes, percent, two};

/// Trades and sessions listed on the page; `--json` holds all.
const LISTED: usize = 500;

/// The page about `report`, which was read from `source`.
pub(super) fn page(report: &Report, source: &str) -> String {
    let of = &report.analytics;
    let chosen = of.strategy.iter().cloned().chain(of.symbol.iter().map(ToString::to_string));
    let about = std::iter::once(format!("{} to {}", of.from, of.to)).chain(chosen).collect::<Vec<_>>().join(", ");
    let note = |note: String| format!("<p class=note>{}</p>", escape(&note));
    let body = [
        notes(of).into_iter().map(note).collect(),
        format!("<section class=numbers>{}</section>", numbers(of)),
        format!("<h2>Curves</h2><section class=charts>{}</section>", curves(of)),
        format!("<h2>Where it comes from</h2><section class=charts>{}</section>{}", charts(of), groups(of)),
        format!("<h2>Slippage, R</h2>{}", slippage(&of.trades.slippage)),
        format!("<h2>Trades</h2>{}", trades(&report.closed_trades)),
        format!("<h2>Sessions</h2>{}", sessions(of)),
        format!("<h2>Definitions</h2>{}<p>Read from <code>{}</code>.</p>", definitions(of.basis), escape(source)),
    ];
    page::document("Report", &about, &body.concat())
}

fn numbers(of: &Analytics) -> String {
    let (returns, trades) = (&of.returns, &of.trades);
    [
        tile("Net P&L, USD", &money(trades.net_pnl)),
        tile("Fees, USD", &money(trades.fees)),
        tile("Return", &percent(returns.total_return_pct)),
        tile("A year", &percent(returns.cagr_pct)),
        tile("Volatility", &percent(returns.annual_volatility_pct)),
        tile("Sharpe", &two(returns.sharpe)),
        tile("Sortino", &two(returns.sortino)),
        tile("Calmar", &two(returns.calmar)),
        tile("Max drawdown", &percent(returns.max_drawdown_pct)),
        tile("Sessions", &returns.sessions),
        tile("Trades", &trades.count),
        tile("Won", &percent(trades.win_rate_pct)),
        tile("Profit factor", &two(trades.profit_factor)),
        tile("Expectancy, R", &two(trades.expectancy_r)),
        tile("Median, R", &two(trades.r.as_ref().map(|r| r.median))),
        tile("Deviation, R", &two(trades.r.as_ref().and_then(|r| r.deviation))),
        tile("Slippage, R", &two(trades.slippage.mean_r)),
        tile("Slippage, USD", &money(trades.slippage.total)),
    ]
    .concat()
}

/// Over the sessions; over the minutes of a single one.
fn curves(of: &Analytics) -> String {
    let float = |value: Option<Micro>| value.map_or(0.0, Micro::to_f64);
    let whole = |value: f64| format!("{value:.0}");
    let (title, labels, values, drawdowns): (_, Vec<String>, Vec<f64>, Vec<f64>) = if of.minutes.len() > 1 {
        let time = |at: domain::UnixNanos| at.to_new_york().format("%H:%M").to_string();
        (
            "Equity over the session, USD",
            of.minutes.iter().map(|point| time(point.at)).collect(),
            of.minutes.iter().map(|point| point.equity.to_f64()).collect(),
            of.minutes.iter().map(|point| float(point.drawdown_pct)).collect(),
        )
    } else {
        let account = of.basis == Basis::Account;
        let value = |(at_end, so_far): (Usd, Usd)| if account { at_end.to_f64() } else { so_far.to_f64() };
        let start = of.sessions.first().map(|first| (first.start_equity, Usd::ZERO));
        let ends = of.sessions.iter().map(|session| (session.end_equity, session.cumulative_pnl));
        (
            if account { "Equity, USD" } else { "P&L of these trades, USD" },
            start
                .map(|_| "start".to_owned())
                .into_iter()
                .chain(of.sessions.iter().map(|s| s.session_date.to_string()))
                .collect(),
            start.into_iter().chain(ends).map(value).collect(),
            start.map(|_| 0.0).into_iter().chain(of.sessions.iter().map(|s| float(s.drawdown_pct))).collect(),
        )
    };
    let bin = |bin: &coordinator_api::analytics::Bin| Bin {
        from: bin.from.map(Micro::to_f64),
        to: bin.to.map(Micro::to_f64),
        trades: bin.trades,
    };
    [
        line(title, &labels, &values, false, whole),
        line("Drawdown, per cent", &labels, &drawdowns, true, |value| format!("{value:.2}")),
        histogram(&of.trades.histogram.iter().map(bin).collect::<Vec<_>>()),
    ]
    .concat()
}

fn charts(of: &Analytics) -> String {
    let kind = |group: &'_ Group| -> (String, usize, f64, f64) {
        (group.key.clone(), group.trades, group.pnl.to_f64(), group.expectancy_r.to_f64())
    };
    let chart = |title: &str, groups: &[Group]| {
        let kinds: Vec<_> = groups.iter().map(kind).collect();
        page::by_kind(
            title,
            kinds.iter().map(|(key, trades, pnl, r)| Kind { key, trades: *trades, pnl: *pnl, expectancy_r: *r }),
        )
    };
    kinds_of(of).map(|(name, groups)| chart(&format!("P&L by {name}, USD"), groups)).concat()
}

fn kinds_of(of: &Analytics) -> [(&'static str, &[Group]); 4] {
    let trades = &of.trades;
    [
        ("size of the gap", &trades.by_gap),
        ("hour of entry", &trades.by_hour),
        ("catalyst", &trades.by_catalyst),
        ("symbol", &trades.by_symbol),
    ]
}

fn groups(of: &Analytics) -> String {
    let row = |group: &Group| {
        [
            group.trades.to_string(),
            percent(Some(group.win_rate_pct)),
            money(group.pnl),
            two(group.profit_factor),
            two(Some(group.expectancy_r)),
            two(Some(group.total_r)),
            two(Some(group.slippage_r)),
        ]
    };
    let heads = ["Trades", "Won", "P&L, USD", "Profit factor", "Mean R", "Sum of R", "Slippage, R"];
    let one = |(name, groups): (&str, &[Group])| {
        let rows = groups.iter().map(|group| (group.key.clone(), row(group).to_vec()));
        table(&format!("By {name}"), &heads, &rows.collect::<Vec<_>>())
    };
    kinds_of(of).map(one).concat()
}

fn slippage(of: &Slippage) -> String {
    let row = |trades: Option<usize>, mean, worst, total| {
        vec![trades.map_or_else(String::new, |n| n.to_string()), two(mean), two(worst), two(Some(total))]
    };
    let mut rows: Vec<_> = of
        .by_leg
        .iter()
        .map(|leg| (leg.leg.clone(), row(Some(leg.trades), leg.mean_r, leg.worst_r, leg.total_r)))
        .collect();
    rows.push(("both".to_owned(), row(None, of.mean_r, of.worst_r, of.total_r)));
    table("Leg", &["Trades", "Mean", "Worst", "Sum"], &rows)
}

fn trades(trades: &[Trade]) -> String {
    let row = |t: &Trade| {
        let time = |at: domain::UnixNanos| at.to_new_york().format("%H:%M:%S").to_string();
        let cells = vec![
            t.session_date.to_string(),
            name(&t.side),
            t.quantity.to_string(),
            time(t.entry_at),
            t.avg_entry_price.to_string(),
            time(t.exit_at),
            t.avg_exit_price.to_string(),
            name(&t.closed_reason).replace('_', " "),
            money(t.pnl),
            two(Some(t.r_multiple)),
            two(Some(t.slippage_r)),
            percent(t.gap_pct),
            two(t.catalyst),
        ];
        (t.symbol.to_string(), cells)
    };
    let heads = [
        "Session",
        "Side",
        "Shares",
        "In, ET",
        "Price",
        "Out, ET",
        "Price",
        "Ended by",
        "P&L, USD",
        "R",
        "Slippage, R",
        "Gap",
        "Catalyst",
    ];
    listed("Symbol", &heads, trades.len(), &trades.iter().take(LISTED).map(row).collect::<Vec<_>>())
}

fn sessions(of: &Analytics) -> String {
    let row = |s: &coordinator_api::analytics::SessionPoint| {
        let cells = vec![
            money(s.start_equity),
            money(s.end_equity),
            money(s.pnl),
            percent(s.return_pct),
            percent(s.drawdown_pct),
            s.trades.to_string(),
        ];
        (s.session_date.to_string(), cells)
    };
    let heads = ["Start, USD", "End, USD", "P&L, USD", "Return", "Drawdown", "Trades"];
    listed("Session", &heads, of.sessions.len(), &of.sessions.iter().rev().take(LISTED).map(row).collect::<Vec<_>>())
}

fn listed(first: &str, heads: &[&str], all: usize, rows: &[(String, Vec<String>)]) -> String {
    let more = all.saturating_sub(rows.len());
    let rest = if more > 0 { format!("<p>{more} more by <code>--json</code>.</p>") } else { String::new() };
    table(first, heads, rows) + &rest
}

fn table(first: &str, heads: &[&str], rows: &[(String, Vec<String>)]) -> String {
    if rows.is_empty() {
        return format!("<p>{}: none.</p>", escape(first));
    }
    let head = heads.iter().map(|head| format!("<th scope=col>{}</th>", escape(head))).collect::<Vec<_>>().concat();
    let cells =
        |cells: &[String]| cells.iter().map(|cell| format!("<td>{}</td>", escape(cell))).collect::<Vec<_>>().concat();
    let row =
        |(key, values): &(String, Vec<String>)| format!("<tr><th scope=row>{}</th>{}</tr>", escape(key), cells(values));
    let body = rows.iter().map(row).collect::<Vec<_>>().concat();
    format!(
        "<div class=table><table><thead><tr><th scope=col>{}</th>{head}</tr></thead><tbody>{body}</tbody></table></div>",
        escape(first)
    )
}

fn definitions(basis: Basis) -> String {
    let sessions = match basis {
        Basis::Account => "A session's return is the account's P&L, net of fees, over its equity at the start.",
        Basis::Trades => "A session's return is the P&L of these trades over the account's equity at the start.",
    };
    format!(
        "<p>{sessions} Yearly numbers count 252 sessions and use the deviation of a sample; no risk-free rate. A trade counts \
         once its last share is sold. R is quantity times stop distance; P&amp;L and R are after fees. Slippage is how much \
         worse than planned entries and stops filled. A dash is a number that is not defined.</p>"
    )
}

/// Dollars with cents and a sign.
fn money(usd: Usd) -> String {
    format!("{:.2}", usd.to_f64())
}

/// The name of an enum's variant in JSON, as everywhere in the suite.
fn name(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}
