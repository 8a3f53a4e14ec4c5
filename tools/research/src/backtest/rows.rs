//! Tables of the result: one definition of each row for CSV and JSON.

use std::fmt::{Display, Write};

use domain::execution::CloseReason;
use domain::plan::TradePlan;
use domain::risk::{Cap, DenialReason};
use domain::scan::{Criterion, Outcome, TradeCandidate};
use domain::{SessionDate, Usd};
use statistics::{ClosedTrade, SessionResult};

/// One value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Text(String),
    /// A decimal number, digit by digit.
    Number(String),
    Flag(bool),
    Unknown,
}

/// A row of one of the tables.
pub(super) trait Row {
    /// Column names.
    const COLUMNS: &'static [&'static str];
    /// The values, by column.
    fn cells(&self) -> Vec<Cell>;

    /// The row as a JSON object.
    fn json(&self) -> String {
        let mut text = String::from("{");
        for (name, cell) in Self::COLUMNS.iter().zip(self.cells()) {
            let separator = if text.len() > 1 { "," } else { "" };
            write_to(&mut text, format_args!("{separator}\"{name}\":{}", cell.json()));
        }
        text + "}"
    }
}

impl Cell {
    pub(super) fn json(&self) -> String {
        match self {
            Self::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
            Self::Number(digits) => digits.clone(),
            Self::Flag(flag) => flag.to_string(),
            Self::Unknown => "null".to_owned(),
        }
    }

    /// As in a CSV file; what is not known is empty.
    pub(super) fn csv(self) -> String {
        match self {
            Self::Text(text) | Self::Number(text) => text,
            Self::Flag(flag) => flag.to_string(),
            Self::Unknown => String::new(),
        }
    }
}

pub(super) fn text(value: impl Display) -> Cell {
    Cell::Text(value.to_string())
}

pub(super) fn number(value: impl Display) -> Cell {
    Cell::Number(value.to_string())
}

pub(super) fn or_unknown<T>(value: Option<T>, cell: impl Fn(T) -> Cell) -> Cell {
    value.map_or(Cell::Unknown, cell)
}

fn write_to(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // A `String` takes everything.
    let _ = text.write_fmt(arguments);
}

/// The name of an enum's variant in JSON, as everywhere in the suite.
pub(super) fn name_of(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// One criterion of one candidate.
pub(super) struct CriterionRow<'a> {
    pub session_date: SessionDate,
    pub schedule: &'a str,
    pub candidate: &'a TradeCandidate,
    pub criterion: &'a Criterion,
}

impl Row for CriterionRow<'_> {
    const COLUMNS: &'static [&'static str] = &[
        "session_date",
        "schedule",
        "symbol",
        "refused_by",
        "score",
        "criterion",
        "value",
        "comparison",
        "threshold",
        "unit",
        "outcome",
        "passed",
    ];

    fn cells(&self) -> Vec<Cell> {
        let mut cells = vec![
            text(self.session_date),
            text(self.schedule),
            text(&self.candidate.symbol),
            or_unknown(self.candidate.refused_by, |name| text(name_of(name))),
            or_unknown(self.candidate.score, number),
        ];
        cells.extend(Asked(self.criterion).cells());
        cells
    }
}

/// A criterion inside its candidate.
struct Asked<'a>(&'a Criterion);

impl Row for Asked<'_> {
    const COLUMNS: &'static [&'static str] = &["name", "value", "comparison", "threshold", "unit", "outcome", "passed"];

    fn cells(&self) -> Vec<Cell> {
        let c = self.0;
        vec![
            text(name_of(c.name)),
            or_unknown(c.value, number),
            text(name_of(c.comparison)),
            number(c.threshold),
            text(name_of(c.unit)),
            text(name_of(c.outcome)),
            Cell::Flag(c.outcome == Outcome::Pass),
        ]
    }
}

/// A candidate with its criteria as a JSON object.
pub(super) fn candidate_json(session_date: SessionDate, schedule: &str, candidate: &TradeCandidate) -> String {
    let criteria: Vec<String> = candidate.criteria.iter().map(|c| Asked(c).json()).collect();
    format!(
        "{{\"session_date\":\"{session_date}\",\"schedule\":{},\"symbol\":{},\"passed\":{},\"refused_by\":{},\
         \"score\":{},\"criteria\":[{}]}}",
        text(schedule).json(),
        text(&candidate.symbol).json(),
        candidate.refused_by.is_none(),
        or_unknown(candidate.refused_by, |name| text(name_of(name))).json(),
        or_unknown(candidate.score, number).json(),
        criteria.join(",")
    )
}

/// A plan and what became of it.
pub(crate) struct PlanRow {
    pub plan: TradePlan,
    pub quantity: Option<u64>,
    pub binding_cap: Option<Cap>,
    pub denied: Option<DenialReason>,
    pub closed: Option<CloseReason>,
}

impl Row for PlanRow {
    const COLUMNS: &'static [&'static str] = &[
        "plan_id",
        "session_date",
        "symbol",
        "side",
        "rank",
        "score",
        "trigger",
        "limit",
        "stop_distance",
        "valid_until",
        "quantity",
        "binding_cap",
        "denied",
        "closed",
    ];

    fn cells(&self) -> Vec<Cell> {
        let plan = &self.plan;
        vec![
            text(&plan.plan_id),
            text(plan.round.session_date),
            text(&plan.symbol),
            text(name_of(plan.side)),
            number(plan.rank),
            number(plan.score),
            number(plan.entry.trigger),
            number(plan.entry.limit),
            number(plan.stop_distance),
            text(plan.valid_until),
            or_unknown(self.quantity, number),
            or_unknown(self.binding_cap, |cap| text(name_of(cap))),
            or_unknown(self.denied.as_ref(), |reason| text(reason.code())),
            or_unknown(self.closed, |reason| text(name_of(reason))),
        ]
    }
}

impl Row for ClosedTrade {
    const COLUMNS: &'static [&'static str] = &[
        "plan_id",
        "session_date",
        "symbol",
        "side",
        "quantity",
        "entry_at",
        "entry",
        "exit_at",
        "exit",
        "stop_distance",
        "fees",
        "pnl",
        "r",
        "reason",
        "slippage_r",
        "gap_pct",
    ];

    fn cells(&self) -> Vec<Cell> {
        vec![
            text(&self.plan_id),
            text(self.session_date),
            text(&self.symbol),
            text(name_of(self.side)),
            number(self.quantity),
            text(self.entry_at),
            number(self.entry),
            text(self.exit_at),
            number(self.exit),
            number(self.stop_distance),
            number(self.fees),
            number(self.pnl),
            number(self.r),
            text(name_of(self.reason)),
            number(self.slippage_r),
            or_unknown(self.gap_pct, number),
        ]
    }
}

/// One session of the account.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DayRow {
    pub result: SessionResult,
    pub fees: Usd,
    pub candidates: usize,
    pub signals: usize,
    pub plans: usize,
    pub approved: usize,
    pub trades: usize,
    pub wins: usize,
    /// Trades on the tape.
    pub prints: u64,
}

impl Row for DayRow {
    const COLUMNS: &'static [&'static str] = &[
        "session_date",
        "start_equity",
        "end_equity",
        "pnl",
        "return",
        "fees",
        "candidates",
        "signals",
        "plans",
        "approved",
        "trades",
        "wins",
        "prints",
    ];

    fn cells(&self) -> Vec<Cell> {
        vec![
            text(self.result.session_date),
            number(self.result.start_equity),
            number(self.result.end_equity),
            number(self.result.pnl()),
            number(self.result.simple_return()),
            number(self.fees),
            number(self.candidates),
            number(self.signals),
            number(self.plans),
            number(self.approved),
            number(self.trades),
            number(self.wins),
            number(self.prints),
        ]
    }
}

/// A point of the equity curve: the end of a session, or the start before the first.
pub(super) struct EquityRow {
    pub session_date: SessionDate,
    pub equity: Usd,
    /// Below the highest so far, as a fraction, never positive.
    pub drawdown: f64,
}

impl Row for EquityRow {
    const COLUMNS: &'static [&'static str] = &["session_date", "equity", "drawdown"];

    fn cells(&self) -> Vec<Cell> {
        vec![text(self.session_date), number(self.equity), number(self.drawdown)]
    }
}
