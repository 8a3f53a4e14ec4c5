//! Pages that one can mail: no script, no outside host, readable on a phone and on paper.

mod chart;

use std::fmt::Display;

pub use statistics::Bin;

pub use chart::{Bar, bars, escape, line};

/// Trades of one kind.
#[derive(Debug, Clone, Copy)]
pub struct Kind<'a> {
    /// Which kind.
    pub key: &'a str,
    /// How many.
    pub trades: usize,
    /// Profit or loss, USD.
    pub pnl: f64,
    /// Mean R.
    pub expectancy_r: f64,
}

/// Bars that can be told apart.
const KINDS: usize = 30;

/// A whole page; `subtitle` is escaped, `body` is markup.
pub fn document(title: &str, subtitle: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content='width=device-width'>\
         <title>{title} {subtitle}</title><style>{css}</style></head><body><h1>{title}</h1><p>{subtitle}</p>{body}</body></html>\n",
        title = escape(title),
        subtitle = escape(subtitle),
        css = include_str!("page.css"),
    )
}

/// One number with its name, which is escaped.
pub fn tile(name: &str, value: &dyn Display) -> String {
    format!("<div><span>{}</span><b>{value}</b></div>", escape(name))
}

/// A number, or a dash where it is not defined.
pub fn shown<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "–".to_owned(), show)
}

/// Trades by R.
pub fn histogram(bins: &[Bin]) -> String {
    let mark = |bin: &Bin| Bar {
        label: bin.from.map_or_else(|| "less".to_owned(), |from| from.to_string()),
        value: bin.trades as f64,
        loss: bin.to.is_some_and(|to| to <= 0.0),
        hint: format!("{}: {}", span(bin), bin.trades),
    };
    bars("Trades by R", &bins.iter().map(mark).collect::<Vec<_>>(), |value| format!("{value:.0}"))
}

/// Profit and loss by kind; of many kinds those that matter most.
pub fn by_kind<'a>(title: &str, kinds: impl IntoIterator<Item = Kind<'a>>) -> String {
    let mut largest: Vec<Kind<'_>> = kinds.into_iter().collect();
    if largest.len() > KINDS {
        largest.sort_by(|a, b| b.pnl.abs().total_cmp(&a.pnl.abs()));
        largest.truncate(KINDS);
    }
    let mark = |kind: &Kind<'_>| Bar {
        label: kind.key.to_owned(),
        value: kind.pnl,
        loss: kind.pnl < 0.0,
        hint: format!("{}: {} trades, {:.2} USD, {:.2} R each", kind.key, kind.trades, kind.pnl, kind.expectancy_r),
    };
    bars(title, &largest.iter().map(mark).collect::<Vec<_>>(), |value| format!("{value:.0}"))
}

fn span(bin: &Bin) -> String {
    match (bin.from, bin.to) {
        (Some(from), Some(to)) => format!("{from} to {to} R"),
        (Some(from), None) => format!("{from} R and more"),
        (None, Some(to)) => format!("below {to} R"),
        (None, None) => "any R".to_owned(),
    }
}
