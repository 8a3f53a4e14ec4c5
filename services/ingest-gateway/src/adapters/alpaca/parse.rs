//! Alpaca's answers to domain types. A row that makes no sense is left out.

use std::collections::HashMap;

use domain::market::{ActionKind, DailyBar, Lending, NewsPublished};
use domain::{Price, SessionDate, Symbol, UnixNanos, calendar};
use ports::Close;

use super::wire;
use crate::adapters::decimal;

/// What takes effect on which day.
pub(super) type Dated = (SessionDate, ActionKind);

/// The bar of a whole session; `None` when it is no session's.
pub(super) fn daily_bar(bar: &wire::Bar<'_>) -> Option<DailyBar> {
    let date = calendar::session(start(bar)?.session_date())?.date;
    let found = DailyBar {
        date,
        open: price(bar.o.get())?,
        high: price(bar.h.get())?,
        low: price(bar.l.get())?,
        close: price(bar.c.get())?,
        volume: bar.v,
    };
    found.is_sound().then_some(found)
}

/// When the bar begins.
pub(super) fn start(bar: &wire::Bar<'_>) -> Option<UnixNanos> {
    bar.t.parse().ok()
}

/// The close of the session `date`, from whichever of the two bars is of that day.
pub(super) fn close(snapshot: &wire::Snapshot<'_>, date: SessionDate) -> Option<Close> {
    let bars = [&snapshot.daily_bar, &snapshot.prev_daily_bar].into_iter().flatten();
    let bar = bars.filter_map(daily_bar).find(|bar| bar.date == date)?;
    Some(Close { price: bar.close, raw: true })
}

/// Every action with its symbol. Rates that are no ratio of whole shares are taken to a millionth.
pub(super) fn actions(wire: &wire::CorporateActions<'_>) -> HashMap<Symbol, Vec<Dated>> {
    let mut found: HashMap<Symbol, Vec<Dated>> = HashMap::new();
    let mut add = |symbol: &str, date: &str, kind: Option<ActionKind>| {
        if let (Ok(symbol), Ok(date), Some(kind)) = (symbol.parse(), date.parse(), kind) {
            found.entry(symbol).or_default().push((date, kind));
        }
    };
    for split in wire.reverse_splits.iter().chain(&wire.forward_splits) {
        add(&split.symbol, &split.ex_date, ratio(split.old_rate.get(), split.new_rate.get()));
    }
    for split in &wire.unit_splits {
        add(&split.old_symbol, &split.effective_date, ratio(split.old_rate.get(), split.new_rate.get()));
        add(&split.new_symbol, &split.effective_date, Some(ActionKind::SymbolChange));
    }
    for dividend in &wire.stock_dividends {
        let more = decimal::nanos(dividend.rate.get()).ok().and_then(|rate| rate.checked_add(1_000_000_000));
        add(&dividend.symbol, &dividend.ex_date, more.and_then(|shares| whole(1_000_000_000, shares)));
    }
    for dividend in &wire.cash_dividends {
        let kind = if dividend.special { ActionKind::SpecialDividend } else { ActionKind::Dividend };
        add(&dividend.symbol, &dividend.ex_date, price(dividend.rate.get()).map(kind));
    }
    for spin_off in &wire.spin_offs {
        add(&spin_off.source_symbol, &spin_off.ex_date, Some(ActionKind::SpinOff));
    }
    for merger in wire.cash_mergers.iter().chain(&wire.stock_mergers).chain(&wire.stock_and_cash_mergers) {
        add(&merger.acquiree_symbol, &merger.effective_date, Some(ActionKind::Merger));
        if let Some(acquirer) = &merger.acquirer_symbol {
            add(acquirer, &merger.effective_date, Some(ActionKind::Merger));
        }
    }
    for change in &wire.name_changes {
        for symbol in [&change.old_symbol, &change.new_symbol] {
            add(symbol, &change.process_date, Some(ActionKind::SymbolChange));
        }
    }
    found
}

/// The article; `None` when it names no symbol or no time.
pub(super) fn article(article: wire::Article) -> Option<NewsPublished> {
    let symbols: Vec<Symbol> = article.symbols.iter().filter_map(|s| s.parse().ok()).collect();
    let published_at = article.created_at.parse().ok()?;
    (!symbols.is_empty()).then(|| NewsPublished {
        news_id: format!("alpaca:{}", article.id),
        symbols,
        headline: article.headline,
        summary: article.summary,
        source: if article.source.is_empty() { "benzinga".to_owned() } else { article.source },
        url: article.url.unwrap_or_default(),
        published_at,
        mentions: Vec::new(),
    })
}

/// What the broker says of lending it; what it does not trade it does not lend.
pub(super) fn lending(asset: &wire::Asset<'_>) -> Lending {
    let traded = asset.tradable && asset.status == "active";
    Lending { shortable: traded && asset.shortable, easy_to_borrow: traded && asset.easy_to_borrow }
}

fn price(text: &str) -> Option<Price> {
    decimal::nanos(text).ok().filter(|nanos| *nanos > 0).map(Price::from_nanos)
}

fn ratio(old: &str, new: &str) -> Option<ActionKind> {
    whole(decimal::nanos(old).ok()?, decimal::nanos(new).ok()?)
}

/// `old` shares become `new`, both counted in 1e-9, in lowest terms of whole numbers.
fn whole(old: i64, new: i64) -> Option<ActionKind> {
    let (mut old, mut new) = (u64::try_from(old).ok()?, u64::try_from(new).ok()?);
    if old == 0 || new == 0 {
        return None;
    }
    let divisor = greatest_common_divisor(old, new);
    (old, new) = (old / divisor, new / divisor);
    while old.max(new) > u64::from(u32::MAX) {
        (old, new) = (old / 10, new / 10);
    }
    let (old, new) = (u32::try_from(old).ok()?, u32::try_from(new).ok()?);
    (old > 0 && new > 0).then_some(ActionKind::Split { old, new })
}

const fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
